"""What holds for all tests: each is told from the others, and transfers may reach their servers on the loopback."""

from collections import Counter
from collections.abc import Iterator

import pytest

from filer import guard
from tescore import addresses


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of tests with one name pytest-xdist runs but one, and says nothing."""
    named = Counter(item.nodeid for item in items)
    if twice := [name for name, count in named.items() if count > 1]:
        raise pytest.UsageError(f"there is more than one test named {twice[0]}")


@pytest.fixture(autouse=True)
def loopback_allowed() -> Iterator[None]:
    guard.use(addresses.rules([], ["127.0.0.0/8"]))
    yield
    guard.use(addresses.Rules())
