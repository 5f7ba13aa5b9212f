"""The filer's program over a scratch volume of the test's."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tescore import report
from tests.processes import used
from tests.test_filer_program import program, variables


def moved(tmp_path: Path, step: str, environment: dict[str, str], *items: dict[str, Any]) -> tuple[int, report.Report]:
    """Exit code and report of the step `inputs` or `outputs` with these."""
    document = {step: list(items), "executors": [{"image": "i", "command": ["c"]}]}
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / "task.json").write_text(json.dumps(document))
    ended = program(tmp_path, step, **environment)
    return ended.returncode, report.read(ended.stdout.splitlines())


def peak(tmp_path: Path, step: str, environment: dict[str, str], *items: dict[str, Any]) -> tuple[float, report.Report]:
    """Mebibytes of memory that a filer needed for a step with these, and its report."""
    document = {step: list(items), "executors": [{"image": "i", "command": ["c"]}]}
    (tmp_path / "task.json").write_text(json.dumps(document))
    (tmp_path / "scratch").mkdir(exist_ok=True)
    ended = used([sys.executable, "-m", "filer", step], variables(tmp_path, **environment))
    return ended.memory, report.read(ended.said.splitlines())


_LOOPBACK = "from filer import guard; from tescore import addresses; guard.use(addresses.rules([], ['127.0.0.0/8']))\n"


def printed(tmp_path: Path, environment: dict[str, str], code: str) -> str:
    """What code prints in a process with the filer's environment, which may reach servers on this machine."""
    return subprocess.run(
        [sys.executable, "-c", _LOOPBACK + code],
        env={**variables(tmp_path), **environment},
        capture_output=True,
        check=True,
        text=True,
    ).stdout


def scratch(tmp_path: Path, path: str) -> Path:
    """Where a path of the executors' lies."""
    return tmp_path / "scratch/data" / path.lstrip("/")


def wrote(tmp_path: Path, path: str, content: bytes = b"x") -> None:
    scratch(tmp_path, path).parent.mkdir(parents=True, exist_ok=True)
    scratch(tmp_path, path).write_bytes(content)


def tree(folder: Path) -> dict[str, bytes]:
    """Contents of all files below a folder, and of empty folders an empty one, with a slash at their name's end."""
    files = {str(place.relative_to(folder)): place.read_bytes() for place in folder.rglob("*") if place.is_file()}
    empty = {
        f"{place.relative_to(folder)}/": b"" for place in folder.rglob("*") if place.is_dir() and not [*place.iterdir()]
    }
    return dict(sorted({**files, **empty}.items()))
