import json
from typing import Any

import pytest
import yaml

from tescore import document, validation
from tescore.errors import InvalidTask
from tescore.tenant import TenantSettings
from tests.build import executor, task_document


def test_nulls_are_absent_at_any_depth() -> None:
    sent = task_document(
        id=None, tags={"a": None, "b": "c"}, inputs=None, executors=[executor(env={"X": None}, stdin=None)]
    )

    cleaned, dropped = document.clean(sent)

    assert cleaned == {"tags": {"b": "c"}, "executors": [executor(env={})]}
    assert dropped == []


def test_what_only_the_server_sets_is_dropped_silently() -> None:
    sent = task_document(id="x", state="COMPLETE", logs=[], creation_time="now")
    assert document.clean(sent) == (task_document(), [])


def test_unknown_fields_are_dropped_and_named() -> None:
    sent = task_document(ouputs=[], executors=[executor(imagge="x")], inputs=[{"path": "/x", "content": "", "q": 1}])
    cleaned, dropped = document.clean(sent)

    assert [path for path, _ in dropped] == ["ouputs", "inputs[0].q", "executors[0].imagge"]
    assert {why for _, why in dropped} == {"is unknown to TES 1.1"}
    assert cleaned["inputs"] == [{"path": "/x", "content": "", "type": "FILE"}]


def test_the_type_is_filled_in_and_nothing_else() -> None:
    cleaned, _ = document.clean(task_document(outputs=[{"path": "/x", "url": "s3://b/x"}]))
    assert cleaned["outputs"] == [{"path": "/x", "url": "s3://b/x", "type": "FILE"}]
    assert set(cleaned) == {"executors", "outputs"}


def test_unsupported_parameters_are_neither_kept_nor_unnamed() -> None:
    cleaned, dropped = document.clean(task_document(resources={"backend_parameters": {"VmSize": "x"}}))
    assert cleaned["resources"] == {}
    assert dropped == [("resources.backend_parameters.VmSize", "is not supported")]


def test_parameters_are_kept_as_they_were_written_where_the_tenant_allows_them() -> None:
    sent = task_document(
        resources={"backend_parameters": {"Priority_Class": "high", "runtime_class": "kata", "x": None}}
    )
    cleaned, dropped = document.clean(sent, TenantSettings(priority_classes=("high",)))
    assert cleaned["resources"] == {"backend_parameters": {"Priority_Class": "high"}}
    assert dropped == [("resources.backend_parameters.runtime_class", "is not allowed here")]


def test_nothing_that_an_admin_has_to_allow_is_kept_without_settings() -> None:
    cleaned, _ = document.clean(task_document(resources={"backend_parameters": {"priority_class": "high"}}))
    assert cleaned["resources"] == {}


def test_whole_cores_become_an_integer() -> None:
    cleaned, _ = document.clean(task_document(resources={"cpu_cores": 2.0}))
    assert json.dumps(cleaned["resources"]) == '{"cpu_cores": 2}'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '"x"',
        '{"a": NaN}',
        '{"a": 1e999}',
        "[" * 100_000,
        '{"tags":' + '{"a":' * 900 + "1" + "}" * 901,
        r'{"\ud800": 1}',
    ],
)
def test_what_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(InvalidTask):
        document.parse(text)


@pytest.mark.parametrize(
    ("part", "schema"),
    [("", "tesTask"), ("inputs", "tesInput"), ("outputs", "tesOutput"), ("executors", "tesExecutor"),
     ("resources", "tesResources")],
)  # fmt: skip
def test_the_fields_are_those_of_the_standard(part: str, schema: str) -> None:
    spec: Any = yaml.safe_load(validation.SPEC.read_text())
    read_only = {"id", "state", "logs", "creation_time"} if not part else set()
    assert set(spec["components"]["schemas"][schema]["properties"]) - read_only == document.FIELDS[part]


def test_the_longest_texts_are_told_with_their_paths() -> None:
    inputs = [{"path": "/x", "content": "é" * size} for size in (10, 30, 20)]
    told = document.longest(json.dumps(task_document(inputs=inputs, tags={"a": "x" * 50})))
    assert told == ["inputs[1].content: 60", "tags.a: 50", "inputs[2].content: 40"]


def test_a_task_of_40_000_files_and_one_of_large_content_are_light_enough() -> None:
    files = [{"name": "n", "url": f"s3://b/{i}", "path": f"/in/{i}", "type": "FILE"} for i in range(40_000)]
    document.check_weight(json.dumps(task_document(inputs=files)))
    document.check_weight(json.dumps(task_document(inputs=[{"path": "/x", "content": '[{"\\,' * 500_000}])))


@pytest.mark.parametrize("item", ["[]", "{}", "0", '""', '"\\""'])
def test_a_document_of_too_many_values_is_too_heavy(item: str) -> None:
    with pytest.raises(InvalidTask, match="more than 250000 values"):
        document.check_weight(f'{{"executors": [{",".join([item] * 250_001)}]}}')


def test_what_is_no_json_is_weighed_all_the_same() -> None:
    document.check_weight('{"a')
    with pytest.raises(InvalidTask):
        document.check_weight("[" * 250_001)
