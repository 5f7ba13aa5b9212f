import base64
import gzip
import os
from typing import Any

import pytest

from tescore import outputs, parts, record
from tescore.outputs import Batch, File, Pages


def named(name: str) -> File:
    return {"url": f"s3://b/{name}", "path": f"/o/{name}", "size_bytes": "1"}


def many(count: int) -> list[File]:
    return [named(os.urandom(16).hex()) for _ in range(count)]


def page(**changes: Any) -> dict[str, Any]:
    """A page of the record with the uid u-1."""
    return {
        "metadata": {
            "labels": changes.get("labels", {"app.kubernetes.io/component": "outputs"}),
            "ownerReferences": changes.get("owners", [{"uid": "u-1"}]),
        },
        "binaryData": {"outputs.jsonl.gz": changes.get("data", base64.b64encode(packed([named("x")])).decode())},
    }


def packed(files: list[File]) -> bytes:
    return b"".join(batch.zipped for batch in outputs.batches(files))


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 3000])
def test_files_come_back_whole_and_in_order(count: int) -> None:
    files = many(count)
    assert outputs.files(packed(files)) == files


def test_a_batch_knows_how_much_it_holds() -> None:
    made = outputs.batches(many(2500))
    assert [batch.files for batch in made] == [1000, 1000, 500]
    assert [outputs.batch(batch.zipped) for batch in made] == made
    assert made[0].size == len(gzip.decompress(made[0].zipped))


def test_a_batch_of_long_names_is_full_before_it_is_large() -> None:
    made = outputs.batches([named("x" * 10_000)] * 100)
    assert max(batch.size for batch in made) < 300_000
    assert sum(batch.files for batch in made) == 100


@pytest.mark.parametrize("name", ["ü ✓", "a\nb\u2028c", '"\\', "\U0001f600"])
def test_any_name_comes_back(name: str) -> None:
    assert outputs.files(packed([named(name)])) == [named(name)]


def test_a_name_that_is_no_text_is_told_with_a_mark() -> None:
    [file] = outputs.files(packed([named("\udcff")]))
    assert file["path"] == "/o/?"


@pytest.mark.parametrize(
    ("zipped", "size"), [pytest.param(300_000, 10, id="packed"), pytest.param(10, 3_000_000, id="unpacked")]
)
def test_batches_are_joined_as_far_as_a_config_map_holds_them(zipped: int, size: int) -> None:
    pages = list(outputs.joined([Batch(bytes([i]) * zipped, 5, size) for i in range(7)]))
    assert b"".join(page.zipped for page in pages) == b"".join(bytes([i]) * zipped for i in range(7))
    assert sum(page.files for page in pages) == 35
    assert max(len(page.zipped) for page in pages) <= record.PACKED_LIMIT
    assert max(page.size for page in pages) <= parts.UNZIPPED_LIMIT
    assert len(pages) < 5


def test_nothing_makes_no_page() -> None:
    assert list(outputs.joined([])) == []


@pytest.mark.parametrize(
    ("note", "pages"),
    [
        (Pages(3, 100_000, 20_000_000).encoded(), Pages(3, 100_000, 20_000_000)),
        ("", Pages()),
        ("many", Pages()),
        ("99999 pages, 1 files, 1 bytes", Pages()),
    ],
)
def test_the_records_note_of_its_pages_is_read_leniently(note: str, pages: Pages) -> None:
    assert outputs.pages(note) == pages


def test_a_page_of_the_record_is_read() -> None:
    assert outputs.page(page(), "u-1") == [named("x")]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"owners": [{"uid": "u-2"}]}, id="of another record"),
        pytest.param({"owners": None}, id="of nobody"),
        pytest.param({"labels": {"app.kubernetes.io/component": "task"}}, id="not labelled as a page"),
        pytest.param({"labels": None}, id="not labelled at all"),
        pytest.param({"data": "aGVsbG8="}, id="not gzip"),
        pytest.param({"data": base64.b64encode(packed([named("x")])[:-9]).decode()}, id="broken off"),
        pytest.param({"data": base64.b64encode(gzip.compress(b"{")).decode()}, id="not JSON"),
        pytest.param({"data": base64.b64encode(gzip.compress(b"1\n")).decode()}, id="not files"),
    ],
)
def test_what_is_no_page_of_the_record_is_a_value_error(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        outputs.page(page(**changes), "u-1")
