"""What the filer makes before executors start."""

from typing import Any

import pytest

from filer import layout
from tescore import model
from tescore.document import clean


def task(**parts: Any) -> model.Task:
    executors = parts.pop("executors", [{}])
    document = {"executors": [{"image": "i", "command": ["c"], **executor} for executor in executors], **parts}
    return model.task(clean(document)[0])


def out(path: str, **more: str) -> dict[str, str]:
    return {"path": path, "url": "s3://b/k", **more}


@pytest.mark.parametrize(
    ("parts", "folders"),
    [
        pytest.param({}, [], id="nothing"),
        pytest.param({"volumes": ["/vol/a", "/vol/a/b"]}, ["data/vol/a", "data/vol/a/b"], id="nested-volumes"),
        pytest.param({"inputs": [{"path": "/in/x", "content": "c"}]}, ["data/in"], id="input"),
        pytest.param({"outputs": [out("/out/x/y")]}, ["data/out/x"], id="output"),
        pytest.param({"outputs": [out("/out/x", type="DIRECTORY")]}, ["data/out/x"], id="output-folder"),
        pytest.param({"outputs": [out("/out/*/y", path_prefix="/out")]}, ["data/out"], id="wildcards"),
        pytest.param(
            {"volumes": ["/w"], "executors": [{"workdir": "/w/here", "stdout": "/w/logs/o"}]},
            ["data/w", "data/w/here", "data/w/logs"],
            id="workdir-and-stream",
        ),
        pytest.param(
            {"volumes": ["/v"], "outputs": [out("/v/out/x"), out("/v/d", type="DIRECTORY")]},
            ["data/v"],
            id="below-a-volume-the-tool-makes-folders",
        ),
        pytest.param(
            {
                "inputs": [{"path": "/w/x", "content": "c"}],
                "executors": [{"workdir": "/w/"}],
                "outputs": [out("/w/out/x"), out("/w/d", type="DIRECTORY"), out("/w/*/x", path_prefix="/w")],
            },
            ["data/w"],
            id="below-the-workdir",
        ),
        pytest.param(
            {"inputs": [{"path": "/w/x", "content": "c"}], "outputs": [out("/w/out/*", path_prefix="/w")]},
            ["data/w"],
            id="below-the-prefix",
        ),
        pytest.param(
            {"volumes": ["/v"], "inputs": [{"path": "/v/d/x", "content": "c"}], "outputs": [out("/v/d/y")]},
            ["data/v", "data/v/d"],
            id="but-what-inputs-need",
        ),
        pytest.param(
            {"inputs": [{"path": "/w/x", "content": "c"}], "outputs": [out("/w/out/x")]},
            ["data/w", "data/w/out"],
            id="and-below-none-of-these",
        ),
        pytest.param({"executors": [{"workdir": "/elsewhere"}]}, [], id="workdir-of-the-image"),
        pytest.param({"inputs": [{"path": "/etc/x", "content": "c"}]}, [], id="file-among-the-images"),
    ],
)
def test_folders_are_those_mounted_and_those_named_below_them(parts: dict[str, Any], folders: list[str]) -> None:
    assert list(layout.folders(task(**parts))) == folders


@pytest.mark.parametrize(
    ("parts", "files"),
    [
        pytest.param({"outputs": [out("/etc/made")]}, ["data/etc/made"], id="output"),
        pytest.param({"executors": [{"stdout": "/log"}]}, ["data/log"], id="stream"),
        pytest.param({"inputs": [{"path": "/etc/given", "content": "c"}]}, [], id="input"),
        pytest.param({"outputs": [out("/out/made")]}, [], id="in-a-folder"),
    ],
)
def test_files_mounted_alone_are_made_unless_an_input_makes_them(parts: dict[str, Any], files: list[str]) -> None:
    assert list(layout.empty_files(task(**parts))) == files
