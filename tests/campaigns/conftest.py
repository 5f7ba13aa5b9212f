"""What the campaigns that are pytest modules share; they are run by name (`make faults`, `make cancel`)."""

from collections.abc import Iterator

import pytest

from tests.campaigns.bench import Bench, bench
from tests.campaigns.counter import Counter, counter
from tests.e2e.cluster import Kubectl, address_of_this_machine
from tests.e2e.conftest import (
    busybox,
    environment,
    kubectl,
    own_tenant,
    pytest_runtest_makereport,
    quota,
    service,
    shell,
)

__all__ = ["busybox", "environment", "kubectl", "own_tenant", "pytest_runtest_makereport", "quota", "service", "shell"]


@pytest.fixture(scope="module", name="bench")
def made_bench(kubectl: Kubectl, busybox: str) -> Iterator[Bench]:
    with bench(kubectl, busybox) as ready:
        yield ready


@pytest.fixture(scope="module", name="counter")
def made_counter(kubectl: Kubectl) -> Iterator[Counter]:
    with counter(address_of_this_machine(kubectl)) as place:
        yield place
