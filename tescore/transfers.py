"""What an admin says of all transfers; a task's filers have it from whoever launched the task."""

from dataclasses import dataclass

from tescore.settings import setting


@dataclass(frozen=True, kw_only=True)  # without slots: others inherit from it and from a class that has some
class TransferSettings:
    transfer_limit: int = setting("files that a filer moves at a time", default=8, least=1)
    transfer_seconds: float = setting(
        "seconds that all inputs, or all outputs, of a task may take to move; 0 is no limit", default=86400.0
    )
    retry_seconds: float = setting(
        "seconds for which a transfer is tried again that does not get on, because a storage is away or busy",
        default=120.0,
    )
    denied_ranges: tuple[str, ...] = setting(
        "addresses that transfers must not reach, as 10.0.0.0/8, beside loopback, link-local and the API server's",
        default=(),
    )
    allowed_ranges: tuple[str, ...] = setting("addresses that they may reach though these are denied", default=())


FIELDS = tuple(TransferSettings.__dataclass_fields__)
