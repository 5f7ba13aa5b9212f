import json

import pytest

from tescore import weight
from tescore.errors import InvalidTask
from tests.build import task_document


def test_a_task_of_40_000_files_and_one_of_large_content_are_light_enough() -> None:
    files = [{"name": "n", "url": f"s3://b/{i}", "path": f"/in/{i}", "type": "FILE"} for i in range(40_000)]
    weight.check(json.dumps(task_document(inputs=files)))
    weight.check(json.dumps(task_document(inputs=[{"path": "/x", "content": '[{"\\,' * 500_000}])))


@pytest.mark.parametrize("item", ["[]", "{}", "0", '""', '"\\""'])
def test_a_document_of_too_many_values_is_too_heavy(item: str) -> None:
    with pytest.raises(InvalidTask, match="more than 250000 values"):
        weight.check(f'{{"executors": [{",".join([item] * 250_001)}]}}')


def test_what_is_no_json_is_weighed_all_the_same() -> None:
    weight.check('{"a')
    with pytest.raises(InvalidTask):
        weight.check("[" * 250_001)
