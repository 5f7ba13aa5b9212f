"""Where a log's outputs are kept: in the record if they fit, else on pages, ConfigMaps of their own that it owns."""

import base64
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from taskmaster import ownership
from taskmaster.tasklog import BATCHES
from tescore import naming, outputs
from tescore.outputs import Batch, Pages
from tescore.record import Record, TaskLog, with_note


class Split(NamedTuple):
    log: TaskLog
    """As the record keeps it."""
    pages: Sequence[Batch] = ()
    """All outputs in order, where the record keeps none."""

    @property
    def annotations(self) -> dict[str, str]:
        """What the record says of the pages."""
        return {naming.OUTPUTS: _counted(self.pages).encoded()} if self.pages else {}


def split(log: TaskLog, room: int) -> Split:
    """A log, as it has grown, into what a record with so many bytes of room keeps, and pages."""
    packed: Sequence[Batch] = log.get(BATCHES, ())
    kept = {key: value for key, value in log.items() if key != BATCHES}
    size = len(json.dumps(kept, ensure_ascii=False).encode())
    # A list has two characters between files where the lines of a batch have one.
    if size + sum(batch.size + batch.files for batch in packed) <= room:
        further = [file for batch in packed for file in outputs.files(batch.zipped)]
        return Split({**kept, "outputs": [*kept["outputs"], *further]})
    pages = outputs.joined([*outputs.batches(kept["outputs"]), *packed])
    return Split({**kept, "outputs": []}, list(pages))


def without_pages(split: Split, why: str) -> Split:
    """The log of a record whose pages could not be stored."""
    note = f"The list of {_counted(split.pages).files} outputs that were stored could not be kept: {why}"
    return Split(with_note(split.log, note))


def config_map(record: Record, number: int, page: Batch) -> dict[str, Any]:
    """The ConfigMap that holds a page of a record's outputs."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": ownership.metadata(record, naming.outputs_page(record.task_id, number), naming.OUTPUTS_COMPONENT),
        "binaryData": {outputs.PART: base64.b64encode(page.zipped).decode()},
    }


def _counted(pages: Sequence[Batch]) -> Pages:
    return Pages(len(pages), sum(page.files for page in pages), sum(page.size for page in pages))
