from typing import Any

import pytest

from tescore import trs

HOSTS = ("tools.example.org", "Other.example.org:8443", "dockstore.example.org=https://dockstore.example.org/api/trs/")


@pytest.mark.parametrize(
    ("uri", "url"),
    [
        (
            "trs://tools.example.org/samtools/1.9",
            "https://tools.example.org/ga4gh/trs/v2/tools/samtools/versions/1.9",
        ),
        (
            "TRS://TOOLS.example.org/samtools/1.9",
            "https://tools.example.org/ga4gh/trs/v2/tools/samtools/versions/1.9",
        ),
        (
            "trs://other.example.org:8443/a%2Fb/v%201",
            "https://Other.example.org:8443/ga4gh/trs/v2/tools/a%2Fb/versions/v%201",
        ),
        (
            "trs://dockstore.example.org/#workflow/quay.io/x/1.0?y",
            "https://dockstore.example.org/api/trs/tools/%23workflow%2Fquay.io%2Fx/versions/1.0%3Fy",
        ),
    ],
)
def test_a_uri_leads_to_the_version_of_a_tool(uri: str, url: str) -> None:
    assert trs.problem(uri, HOSTS) == ""
    assert trs.url(trs.tool(uri), HOSTS) == url


@pytest.mark.parametrize(
    ("uri", "problem"),
    [
        ("trs://elsewhere.example.org/samtools/1.9", "is on the TRS host elsewhere.example.org, which TESK_TRS_HOSTS"),
        ("trs://tools.example.org@elsewhere/samtools/1.9", "is on the TRS host tools.example.org@elsewhere, which"),
        ("trs://tools.example.org/samtools", "is not of the form trs://host/tool/version"),
        ("trs://tools.example.org/samtools/", "is not of the form"),
        ("trs:///samtools/1.9", "is not of the form"),
        ("trs://tools.example.org/../1.9", "is not of the form"),
        ("trs://tools.example.org/samtools/%2e%2e", "is not of the form"),
    ],
)
def test_a_uri_that_is_not_looked_up_says_why(uri: str, problem: str) -> None:
    assert trs.problem(uri, HOSTS).startswith(problem)


DIGEST = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("images", "image"),
    [
        pytest.param([{"image_type": "Docker", "image_name": "busybox:1"}], "busybox:1", id="a name"),
        pytest.param(
            [
                {"image_type": "Conda", "image_name": "samtools==1.9"},
                {"image_type": "Singularity", "image_name": "https://depot.example.org/samtools:1.9"},
                {"image_type": "Docker", "registry_host": "quay.io/", "image_name": "quay.io/bio/samtools:1.9"},
            ],
            "quay.io/bio/samtools:1.9",
            id="the one that can run, with its registry in both fields",
        ),
        pytest.param(
            [{"image_type": "Docker", "registry_host": "https://quay.io", "image_name": "bio/samtools:1.9"}],
            "quay.io/bio/samtools:1.9",
            id="a registry of its own field",
        ),
        pytest.param(
            [{"image_name": "a/b", "checksum": [{"type": "sha-256", "checksum": f"sha256:{DIGEST}"}]}],
            f"a/b@sha256:{DIGEST}",
            id="pinned by its checksum, for a bare name would be that of the latest version",
        ),
        pytest.param([{"image_name": "a:1", "checksum": [{"type": "sha256", "checksum": DIGEST}]}], "a:1", id="a tag"),
        pytest.param([{"image_name": "host:5000/a", "checksum": [{"type": "md5"}]}], "host:5000/a", id="a port"),
        pytest.param([{"image_type": "Conda", "image_name": "samtools==1.9"}], "", id="none that can run"),
        pytest.param([{"image_type": "Docker", "image_name": "two words"}], "", id="no name"),
        pytest.param([{"image_type": "Docker", "registry_host": "quay.io"}], "", id="a registry alone"),
        pytest.param(["busybox"], "", id="no object"),
        pytest.param({"image_name": "busybox"}, "", id="no list"),
    ],
)
def test_the_image_of_a_tool_is_one_that_can_run(images: Any, image: str) -> None:
    assert trs.image({"id": "1.9", "images": images}) == image


@pytest.mark.parametrize("described", [None, [], "x", {}])
def test_what_describes_no_tool_has_no_image(described: object) -> None:
    assert trs.image(described) == ""
