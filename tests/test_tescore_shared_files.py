import pytest

from tescore import settings, shared_files
from tescore.errors import BadSettings
from tescore.shared_files import Root
from tescore.tenant import TenantSettings

CLAIMS = ("work:/nfs/work", "ref:/nfs/work/ref:ro")


@pytest.mark.parametrize(
    "text", ["work", "work:", "work:nfs", "work:/", "work:/a/", "work:/a:rw", "Work:/a", "work://a"]
)
def test_a_claim_that_is_mapped_to_no_path_is_no_setting(text: str) -> None:
    with pytest.raises(BadSettings, match="TESK_FILE_CLAIMS has the entry"):
        settings.read(TenantSettings, {"TESK_FILE_CLAIMS": f"{CLAIMS[0]},{text}"})


def test_a_mapping_is_shown_as_it_was_read() -> None:
    assert tuple(shared_files.shown(root) for root in shared_files.roots(CLAIMS)) == CLAIMS


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/a b%20c", "/a b%20c"),
        ("//a/./b/", "/a/b"),
        ("file:///a%20b", "/a b"),
        ("File://LOCALHOST/a#b?c", "/a#b?c"),
        ("file:/a", "/a"),
        ("file:///%C3%BC%FF", "/ü\udcff"),
    ],
)
def test_a_url_means_a_path(url: str, expected: str) -> None:
    assert shared_files.path(url) == expected


@pytest.mark.parametrize(
    ("url", "write", "words"),
    [
        ("/nfs/work/x", True, ""),
        ("file:///nfs/work/ref/x", False, ""),
        ("file:///nfs/work/ref/x", True, "and what is below /nfs/work/ref is read-only"),
        (
            "/nfs/workevil/x",
            False,
            "on no shared storage that the service reaches; it reaches paths below /nfs/work, /nfs",
        ),
        ("/nfs", False, "on no shared storage"),
        ("/nfs/work/../../etc", False, "leads upwards"),
        ("file:///nfs/work/%2E%2E/%2e%2e/etc", False, "leads upwards"),
        ("file://host/nfs/work/x", False, "neither an absolute path nor a URL like file:///path"),
        ("nfs/work/x", False, "neither an absolute path"),
        ("file:///nfs/work/%00", False, "NUL"),
    ],
)
def test_what_a_task_cannot_have_is_told(url: str, write: bool, words: str) -> None:
    problem = shared_files.problem(url, CLAIMS, write=write)
    assert words in problem
    assert bool(problem) == bool(words)


def test_only_claims_that_are_named_are_needed() -> None:
    assert shared_files.used(["/nfs/work/ref/x"], CLAIMS) == (Root("ref", "/nfs/work/ref", read_only=True),)
    assert shared_files.used(["/nfs/work/ref/x", "file:///nfs/work/x"], CLAIMS) == shared_files.roots(CLAIMS)
    assert shared_files.used([], CLAIMS) == ()
