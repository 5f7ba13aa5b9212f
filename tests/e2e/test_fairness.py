"""A tenant with a hundred tasks does not keep another's waiting; `make fairness` does it with a thousand."""

import pytest

from tests.campaigns.fairness import measured
from tests.e2e.cluster import Kubectl, Service

pytestmark = pytest.mark.alone


def test_a_task_has_its_turn_beside_a_tenant_with_a_long_queue(
    service: Service, kubectl: Kubectl, busybox: str
) -> None:
    found = measured(100, service, kubectl, busybox)

    assert found.queued > 50, "the queue was too short to show anything"
    # Two of the crowd run at a time. In one queue for all, more than fifty would end before the other's turn.
    assert found.overtaken <= 10, found
