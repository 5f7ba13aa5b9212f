"""A tenant with two hundred tasks does not keep another's waiting; `make fairness` does it with a thousand."""

from tests.campaigns.fairness import FACTOR, measured
from tests.e2e.conftest import Kubectl, Service


def test_a_task_takes_about_as_long_beside_a_tenant_with_a_long_queue_as_alone(
    service: Service, kubectl: Kubectl, busybox: str
) -> None:
    found = measured(200, service, kubectl, busybox)
    assert found.queued > 100, "the queue was too short to show anything"
    assert found.factor <= FACTOR, found
