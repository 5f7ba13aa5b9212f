"""What the filer takes from its environment."""

from dataclasses import dataclass

from tescore.settings import setting
from tescore.transfers import TransferSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(TransferSettings):
    task_folder: str = setting("folder with the task's document, task.json or task.json.gz", default="/tesk/task")
    scratch: str = setting("folder at which the scratch volume is mounted", default="/scratch")
    launcher: str = setting(
        "file with the static shell for executors with redirected streams", default="/usr/local/lib/tesk/busybox"
    )
    optional_outputs: bool = setting("whether a missing output is no more than a warning", default=False)
    tail: int = setting("bytes reported back of the end of each redirected stream", default=65536)
    shared: str = setting("folder at which the folders of a shared claim are mounted", default="/shared")
    files: str = setting("folder at which shared claims are mounted, each under its number", default="/files")
    file_claims: tuple[str, ...] = setting("shared claims that are, as in the tenant's setting", default=())
    scrub: str = setting("folder in it to remove once the record has the report; empty: none", default="")
