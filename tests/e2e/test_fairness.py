"""A tenant with two hundred tasks does not keep another's waiting; `make fairness` does it with a thousand."""

from statistics import median

import pytest

from tests.campaigns.fairness import FACTOR, measured
from tests.e2e.cluster import Kubectl, Service

pytestmark = pytest.mark.alone


def test_a_task_has_its_turn_beside_a_tenant_with_a_long_queue(
    service: Service, kubectl: Kubectl, busybox: str
) -> None:
    found = measured(200, service, kubectl, busybox)

    assert found.queued > 100, "the queue was too short to show anything"
    # What a task takes alone says little on a machine that others use too; what others take at the same time says more.
    assert median(found.beside) <= FACTOR * median([*found.alone, *found.crowds]), found
