"""What filers see beside the task and its scratch volume, and no other pod does: keys and shared claims."""

from collections.abc import Iterable
from typing import Any

from taskmaster.plan import Kind
from tescore import naming, shared_files
from tescore.model import Task
from tescore.schemes import FILE, scheme
from tescore.shared_files import Root

_S3 = "/tesk/secrets/s3"
_STORAGE = "/tesk/secrets/storage"
_FILES = "/files"
"""Where shared claims are mounted, under their numbers; the filer's own setting TESK_FILES says the same."""


def environment(roots: Iterable[Root]) -> dict[str, str]:
    """What tells the filer of them."""
    mapped = ",".join(shared_files.shown(root) for root in roots)
    return {
        "AWS_CONFIG_FILE": f"{_S3}/config",
        "AWS_SHARED_CREDENTIALS_FILE": f"{_S3}/credentials",
        "AWS_EC2_METADATA_DISABLED": "true",  # or the filer would take on the node's rights where it has no keys
        "HOME": _STORAGE,
        **({"TESK_FILE_CLAIMS": mapped} if mapped else {}),
    }


def mounted(roots: Iterable[Root]) -> list[dict[str, Any]]:
    """Where the container sees them."""
    return [
        {"name": "s3", "mountPath": _S3, "readOnly": True},
        {"name": "storage", "mountPath": _STORAGE, "readOnly": True},
        *(
            {"name": _volume(i), "mountPath": f"{_FILES}/{i}", **({"readOnly": True} if root.read_only else {})}
            for i, root in enumerate(roots)
        ),
    ]


def volumes(roots: Iterable[Root]) -> list[dict[str, Any]]:
    """The pod's volumes. A Secret may be missing: then there are no keys of that kind."""
    return [
        {"name": "s3", "secret": {"secretName": naming.S3_SECRET, "optional": True}},
        {"name": "storage", "secret": {"secretName": naming.STORAGE_SECRET, "optional": True}},
        *(
            {
                "name": _volume(i),
                "persistentVolumeClaim": {"claimName": root.claim, **({"readOnly": True} if root.read_only else {})},
            }
            for i, root in enumerate(roots)
        ),
    ]


def roots(task: Task, kind: Kind, mapped: Iterable[str]) -> tuple[Root, ...]:
    """The shared claims that a filer needs: a claim that nobody names must not keep it waiting."""
    if kind == Kind.INPUTS:
        urls = [item.url for item in task.inputs if item.content is None]
    else:
        urls = [output.url for output in task.outputs]
    return shared_files.used((url for url in urls if scheme(url) == FILE), mapped)


def _volume(number: int) -> str:
    # A claim's name may be longer than a volume's, and have dots.
    return f"files-{number}"
