"""What holds for all tests: their servers are on the loopback interface, which transfers may not reach otherwise."""

from collections.abc import Iterator

import pytest

from filer import guard
from tescore import addresses


@pytest.fixture(autouse=True)
def loopback_allowed() -> Iterator[None]:
    guard.use(addresses.rules([], ["127.0.0.0/8"]))
    yield
    guard.use(addresses.Rules())
