"""`python -m tests.campaigns.upgrade`: the service is brought up to date in the midst of tasks, and loses none.

Installs the commit UPGRADE_FROM, the last whose tasks were launched by Jobs, begins tasks of which some run and the
others wait, and installs this checkout again. Ends with 1 and a list of what is wrong. Environment: `.local/env`, and
UPGRADE_TASKS (12).
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tescore import naming
from tescore.tenants import REMEMBERED
from tests.campaigns.counter import Counter, counter
from tests.e2e.cluster import Kubectl, Service, address_of_this_machine, serving, wait_until
from tests.e2e.tenants import brought_up_to_date

ROOT = Path(__file__).parents[2]
FROM = "1bb3dcf"
TENANT = "e2e-upgraded"
_RUN = 3
"""Tasks at a time."""


@contextmanager
def checkout(commit: str) -> Iterator[Path]:
    """That commit's files, until the block ends."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "worktree", "add", "--detach", folder, commit], cwd=ROOT, check=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", folder], cwd=ROOT, check=True)


def installed(folder: Path) -> None:
    subprocess.run(["scripts/up"], cwd=folder, check=True)


def document(place: Counter, number: int) -> dict[str, Any]:
    script = f"{place.script(f'upgrade-{number}')}sleep 15; echo {number}"
    return {"executors": [{"image": os.environ["BUSYBOX_IMAGE"], "command": ["sh", "-c", script]}]}


def wrong(service: Service, place: Counter, number: int, task: str) -> list[str]:
    """What is not as if nothing had happened to a task."""
    ended = service.ended(task, within=300)
    found = [] if ended["state"] == "COMPLETE" else [f"{task} is {ended['state']}: {ended.get('logs')}"]
    if (ran := place.count(f"upgrade-{number}")) != 1:
        found.append(f"the executor of {task} ran {ran} times")
    return found


@contextmanager
def installed_before(kubectl: Kubectl) -> Iterator[Service]:
    """The service as it was, for a tenant as it was."""
    with checkout(os.environ.get("UPGRADE_FROM", FROM)) as before:
        installed(before)
        kubectl("delete", "namespace", TENANT, "--ignore-not-found", "--timeout=300s")
        subprocess.run(["scripts/tenant", TENANT], cwd=before, check=True)
        settings = {"metadata": {"name": "tesk-settings"}, "data": {"TESK_TASK_LIMIT": str(_RUN)}}
        kubectl("-n", TENANT, "apply", "-f", "-", given={"apiVersion": "v1", "kind": "ConfigMap", **settings})
        time.sleep(REMEMBERED + 0.5)
        try:
            yield serving(f"{os.environ['TES_URL']}/{TENANT}")
        finally:
            installed(ROOT)
            kubectl("delete", "namespace", TENANT, "--ignore-not-found", "--timeout=300s")


def upgraded(count: int, kubectl: Kubectl) -> list[str]:
    """What is wrong after it."""
    with counter(address_of_this_machine(kubectl)) as place, installed_before(kubectl) as service:
        tasks = [service.create(document(place, number)) for number in range(count)]
        wait_until(lambda: len(place.marks) == _RUN, "as many run as may", within=60)
        waits = kubectl.names("configmaps", "-n", TENANT, "-l", f"{naming.STATE}=QUEUED")
        print(f"{_RUN} tasks run and {len(waits)} wait", flush=True)
        installed(ROOT)
        brought_up_to_date(TENANT)
        found = [each for number, task in enumerate(tasks) for each in wrong(service, place, number, task)]
        its = ("pods,pvc,jobs", "-n", TENANT, "-l", naming.TASK)
        wait_until(lambda: kubectl.names(*its) == [], "nothing is left", within=120)
    return found


def main() -> int:
    count = int(os.environ.get("UPGRADE_TASKS", "12"))
    found = upgraded(count, Kubectl())
    print("\n".join(f"  ✗ {each}" for each in found) or f"  ✓ {count} tasks ended as if nothing had happened")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
