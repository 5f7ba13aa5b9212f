"""Forty tasks at once, of which some fail, some are cancelled, and taskmasters die; `make soak` does it with 500."""

import pytest

from tests.campaigns.soak import Settings, soaked
from tests.e2e.cluster import Kubectl, Service

pytestmark = pytest.mark.alone  # forty tasks are as many as the node bears


def test_tasks_end_rightly_whatever_becomes_of_their_taskmasters(
    service: Service, kubectl: Kubectl, busybox: str
) -> None:
    run, told = soaked(Settings(tasks=40, seed=5, kill_every=2.0, within=120), kubectl, service, busybox)
    assert run.violations == [], told
