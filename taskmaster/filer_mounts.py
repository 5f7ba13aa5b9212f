"""What a filer sees beside the task and its scratch volume, and no other pod does: keys and shared claims.

Each only where one of its URLs needs it: nothing is shown to a pod that it has no use for, the kubelet asks the API
server for each Secret, even one that is missing, and a claim that nobody names must not keep the pod waiting.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from taskmaster.plan import Kind
from tescore import naming, shared_files
from tescore.model import Task
from tescore.schemes import DRS, FILE, S3, scheme
from tescore.shared_files import Root


class Keys(NamedTuple):
    """A Secret of the tenant's. It may be missing: then there are no keys of that kind."""

    volume: str
    secret: str
    folder: str
    """Where the filer finds its files."""


_S3 = Keys("s3", naming.S3_SECRET, "/tesk/secrets/s3")
_STORAGE = Keys("storage", naming.STORAGE_SECRET, "/tesk/secrets/storage")
"""Those of all other servers."""
_FILES = "/files"
"""Where shared claims are mounted, under their numbers; the filer's own setting TESK_FILES says the same."""


class Needed(NamedTuple):
    """What one filer needs."""

    keys: tuple[Keys, ...]
    roots: tuple[Root, ...]
    """The shared claims."""


def needed(task: Task, kind: Kind, mapped: Iterable[str]) -> Needed:
    """By the URLs of its inputs or outputs. `mapped` is the tenant's TESK_FILE_CLAIMS."""
    if kind == Kind.INPUTS:
        urls = [item.url for item in task.inputs if item.content is None]
    else:
        urls = [output.url for output in task.outputs]
    schemes = {scheme(url) for url in urls}
    s3, storage = schemes & {S3, DRS}, schemes - {S3, FILE}  # the objects of a DRS may be anywhere
    return Needed(
        keys=(*([_S3] if s3 else []), *([_STORAGE] if storage else [])),
        roots=shared_files.used((url for url in urls if scheme(url) == FILE), mapped),
    )


def environment(needs: Needed) -> dict[str, str]:
    """What tells the filer of them."""
    mapped = ",".join(shared_files.shown(root) for root in needs.roots)
    return {
        "AWS_CONFIG_FILE": f"{_S3.folder}/config",
        "AWS_SHARED_CREDENTIALS_FILE": f"{_S3.folder}/credentials",
        "AWS_EC2_METADATA_DISABLED": "true",  # or the filer would take on the node's rights where it has no keys
        "HOME": _STORAGE.folder,
        "SSL_CERT_FILE": f"{_STORAGE.folder}/ca.crt",  # beside the folder of the image's own authorities
        **({"TESK_FILE_CLAIMS": mapped} if mapped else {}),
    }


def mounted(needs: Needed) -> list[dict[str, Any]]:
    """Where the container sees them."""
    return [
        *({"name": keys.volume, "mountPath": keys.folder, "readOnly": True} for keys in needs.keys),
        *(
            {"name": _volume(i), "mountPath": f"{_FILES}/{i}", **({"readOnly": True} if root.read_only else {})}
            for i, root in enumerate(needs.roots)
        ),
    ]


def volumes(needs: Needed) -> list[dict[str, Any]]:
    """The pod's volumes."""
    return [
        *({"name": keys.volume, "secret": {"secretName": keys.secret, "optional": True}} for keys in needs.keys),
        *(
            {
                "name": _volume(i),
                "persistentVolumeClaim": {"claimName": root.claim, **({"readOnly": True} if root.read_only else {})},
            }
            for i, root in enumerate(needs.roots)
        ),
    ]


def _volume(number: int) -> str:
    # A claim's name may be longer than a volume's, and have dots.
    return f"files-{number}"
