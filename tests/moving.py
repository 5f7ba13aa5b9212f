"""The filer's program over a scratch volume of the test's."""

import json
from pathlib import Path
from typing import Any

from tescore import report
from tests.test_filer_program import program


def moved(tmp_path: Path, step: str, environment: dict[str, str], *items: dict[str, Any]) -> tuple[int, report.Report]:
    """Exit code and report of the step `inputs` or `outputs` with these."""
    document = {step: list(items), "executors": [{"image": "i", "command": ["c"]}]}
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / "task.json").write_text(json.dumps(document))
    ended = program(tmp_path, step, **environment)
    return ended.returncode, report.read(ended.stdout.splitlines())


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
