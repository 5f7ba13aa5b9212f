"""What the documents say is so."""

import re
from pathlib import Path

import pytest

from api.settings import Settings as ApiSettings
from filer.settings import Settings as FilerSettings
from janitor.settings import Settings as JanitorSettings
from taskmaster.settings import Settings as TaskmasterSettings
from tescore import VERSION, settings
from tescore.launch import LaunchSettings
from tescore.parameters import KNOWN
from webhook.settings import Settings as WebhookSettings

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("k8s/**/*.md")])
PROGRAMS = {"api": ApiSettings, "webhook": WebhookSettings, "janitor": JanitorSettings}


def rows() -> list[str]:
    """The README's table of what an admin sets: each variable once, with the programs that read it."""
    readers: dict[tuple[str, str, str], list[str]] = {}
    for program, kind in PROGRAMS.items():
        for row in settings.table(kind):
            readers.setdefault(row, []).append(program)
    return [
        f"| `{variable}` | {f'`{default}`' if default else ''} | {meaning} | {', '.join(programs)} |"
        for (variable, default, meaning), programs in readers.items()
    ]


def test_the_settings_table_of_the_readme_is_that_of_the_programs() -> None:
    table = [line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("| `TESK_")]
    assert table == rows()


def parameter_rows() -> list[str]:
    """The README's table of what a task may ask for."""
    named = {name: f"`{settings.variable(each.setting)}`" if each.setting else "" for name, each in KNOWN.items()}
    return [f"| `{name}` | {each.meaning} | {each.form} | {named[name]} |" for name, each in KNOWN.items()]


def test_the_parameters_table_of_the_readme_is_that_of_the_code() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    assert [line for line in lines if line.startswith("| `") and not line.startswith("| `TESK_")] == parameter_rows()


def test_whoever_launches_a_taskmaster_can_set_all_that_it_reads() -> None:
    own = {"TESK_TASK", "TESK_NAMESPACE", "TESK_POD_UID", "TESK_POD_IP"}
    launched = {row[0]: row[1] for row in settings.table(LaunchSettings)}
    for variable, default, _ in settings.table(TaskmasterSettings):
        assert variable in own or launched[variable] == default


def test_the_filer_needs_no_setting_that_nobody_gives_it() -> None:
    assert all(default != "required" for _, default, _ in settings.table(FilerSettings))


@pytest.mark.parametrize("document", DOCUMENTS, ids=[str(path.relative_to(ROOT)) for path in DOCUMENTS])
def test_every_make_target_and_file_that_a_document_names_is_there(document: Path) -> None:
    text = document.read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)", text)) <= targets
    for name in re.findall(
        r"`((?:api|demo|docs|filer|janitor|k8s|scripts|taskmaster|tescore|tests|webhook)/[^`\s]*)`", text
    ):
        assert (ROOT / name).exists(), f"{document.name} names {name}"
    for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
        assert (document.parent / link).exists(), f"{document.name} links {link}"


@pytest.mark.parametrize(("document", "at_least"), [("docs/failures.md", 20), ("SECURITY.md", 15)])
def test_every_failure_and_threat_names_the_tests_that_prove_it(document: str, at_least: int) -> None:
    folders = {"E": ROOT / "tests/e2e", "T": ROOT / "tests", "C": ROOT / "tests/campaigns"}
    named = re.findall(r"`([ETC]) (\w+\.py)::(\w+)`", (ROOT / document).read_text())
    assert len(named) >= at_least
    for folder, file, name in named:
        assert f"def {name}(" in (folders[folder] / file).read_text(), f"{file} has no {name}"


def test_the_changelog_has_this_version() -> None:
    assert f"## {VERSION}" in (ROOT / "CHANGELOG.md").read_text()
