"""What the scripts do where a command that they call fails."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
KUBECTL = """#!/bin/sh
echo "$@" >> calls
case "$*" in
*"get namespaces"*) {answer} ;;
esac
"""
"""Prints nothing and succeeds, but where it is asked for the service's namespace unless that is on trial."""
DOWN = ["scripts/down"]
DEPLOY = ["scripts/deploy", "context", "127.0.0.1"]
Run = Callable[[list[str], str], tuple[int, list[str]]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a script on a cluster of the user's; returns its status and the calls of kubectl."""
    for folder in ("scripts", "k8s"):
        shutil.copytree(ROOT / folder, tmp_path / folder)

    def run(command: list[str], answer: str) -> tuple[int, list[str]]:
        kubectl = tmp_path / "bin/kubectl"
        kubectl.parent.mkdir()
        kubectl.write_text(KUBECTL.format(answer=answer))
        kubectl.chmod(0o755)
        (tmp_path / ".local").mkdir()
        (tmp_path / ".local/images").write_text("".join(f"{name} r/{name}:1\n" for name in ("taskmaster", "filer")))
        given = {"PATH": f"{kubectl.parent}:{os.defpath}", "HOME": str(tmp_path), "CONTEXT": "production"}
        ran = subprocess.run(command, cwd=tmp_path, env=given, capture_output=True, timeout=60, check=False)
        return ran.returncode, (tmp_path / "calls").read_text().splitlines()

    return run


@pytest.mark.parametrize("answer", ["exit 1", "echo namespace/tesk-system"], ids=["kubectl fails", "production"])
@pytest.mark.parametrize("command", [DOWN, DEPLOY], ids=["make down", "make up"])
def test_a_service_that_may_not_be_on_trial_is_left_alone(run: Run, command: list[str], answer: str) -> None:
    status, calls = run(command, answer)
    assert status == 1
    assert all(call.startswith(("config view", "get namespaces")) for call in calls), calls


def test_a_service_on_trial_is_removed_by_make_down(run: Run) -> None:
    status, calls = run(DOWN, "exit 0")
    assert (status, calls[-1]) == (0, "delete --ignore-not-found -k k8s/overlays/trial")
