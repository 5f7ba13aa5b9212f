import pytest

from tescore import images, settings
from tescore.errors import BadSettings
from tescore.tenant import TenantSettings


@pytest.mark.parametrize(
    ("pattern", "image", "may"),
    [
        ("ubuntu", "ubuntu", True),
        ("ubuntu", "ubuntu:22.04", True),
        ("ubuntu", "ubuntu@sha256:ab", True),
        ("ubuntu", "docker.io/library/ubuntu:22.04", True),
        ("ubuntu", "ubuntu2", False),
        ("ubuntu", "lab/ubuntu", False),
        ("ubuntu", "localhost/ubuntu", False),
        ("ubuntu:22.04", "ubuntu:22.04", True),
        ("ubuntu:22.04", "ubuntu", False),
        ("ubuntu:22.04", "ubuntu:22.040", False),
        ("ubuntu:latest", "ubuntu", True),
        ("docker.io/library/*", "ubuntu", True),
        ("lab/*", "docker.io/lab/tool:1", True),
        ("lab/*", "lab/deep/tool", False),
        ("lab/**", "lab/deep/tool:1", True),
        ("lab/**", "laboratory/tool", False),
        ("registry.example.org:5000/lab/**", "registry.example.org:5000/lab/tool", True),
        ("registry.example.org/lab/**", "registry.example.org.evil.net/lab/tool", False),
        ("registry.example.org/**", "registry-example.org/tool", False),
        ("ubuntu*", "ubuntu.evil.net/tool", False),
        ("ubuntu**", "ubuntu.evil.net/tool", False),
        ("*/tool", "evil.net/tool", False),
        ("docker.io/**", "EVIL/tool", False),
        ("quay.io/lab/tool@sha256:ab", "quay.io/lab/tool@sha256:ab", True),
        ("quay.io/lab/tool@sha256:ab", "quay.io/lab/tool:1", False),
    ],
)
def test_a_pattern_stands_for_images(pattern: str, image: str, may: bool) -> None:
    assert (images.problem(image, ["other.example.org/x", pattern]) == "") is may


def test_without_patterns_all_images_may_be_used() -> None:
    assert images.problem("evil.net/tool", []) == ""


def test_a_refusal_names_the_image_and_the_patterns() -> None:
    assert images.problem("evil.net/tool", ["ubuntu", "lab/**"]) == (
        "is 'evil.net/tool', and images that may be used here are ubuntu, lab/**"
    )


@pytest.mark.parametrize("text", ["docker://ubuntu x", "/ubuntu", "ubuntu:[12]", "ubuntu?"])
def test_what_can_be_no_pattern_is_no_setting(text: str) -> None:
    with pytest.raises(BadSettings, match="TESK_IMAGES has the entry"):
        settings.read(TenantSettings, {"TESK_IMAGES": f"ubuntu,{text}"})
