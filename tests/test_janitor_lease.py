from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from threading import Thread

import pytest

from janitor.lease import Lease
from tescore.cluster import Cluster
from tescore.errors import Unavailable
from tescore.session import Session
from tests.apiserver import ApiServer, Break, api_server
from tests.clock import Clock
from tests.tenant import NOW


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with api_server() as running:
        running.stored("leases", {"metadata": {"name": "tesk-janitor", "uid": "l"}}, "ADDED")
        yield running


def lease(server: ApiServer, holder: str, clock: Clock, *, wrong: float = 0) -> Lease:
    """Whose time of day is `wrong` by so many seconds."""
    now = NOW + timedelta(seconds=wrong)
    return Lease(Cluster(Session(server.url)), "tesk-system", holder, lambda: now, clock)


def holder(server: ApiServer) -> str:
    return str(server.objects["leases", "tesk-janitor"]["spec"]["holderIdentity"])


def test_one_of_two_holds_it(server: ApiServer) -> None:
    clock = Clock()
    one, two = lease(server, "one", clock), lease(server, "two", clock)
    assert not one.held
    for _ in range(10):
        one.look()
        two.look()
        clock.seconds += 3
        assert (one.held, two.held) == (True, False)
    assert holder(server) == "one"


@pytest.mark.parametrize("wrong", [0, -100_000, 100_000])
def test_the_other_takes_over_15_seconds_after_it_was_renewed_last_by_its_own_clock(
    server: ApiServer, wrong: float
) -> None:
    clock, others = Clock(), Clock(5.0)
    one, two = lease(server, "one", clock, wrong=wrong), lease(server, "two", others)
    one.look()
    two.look()
    others.seconds += 15
    two.look()
    assert holder(server) == "one"
    one.look()  # renewed
    others.seconds += 3
    two.look()
    others.seconds += 15
    two.look()
    assert holder(server) == "one"
    others.seconds += 0.1
    two.look()
    assert two.held
    assert holder(server) == "two"
    one.look()
    clock.seconds += 10
    assert not one.held


def test_who_cannot_renew_it_has_let_go_before_another_takes_over(server: ApiServer) -> None:
    clock = Clock()
    one, two = lease(server, "one", clock), lease(server, "two", clock)
    one.look()
    for _ in range(20):
        clock.seconds += 1
        two.look()
        assert not (one.held and two.held)
    assert two.held


def test_it_is_handed_over_at_once(server: ApiServer) -> None:
    clock = Clock()
    one, two = lease(server, "one", clock), lease(server, "two", clock)
    one.look()
    two.look()
    one.release()
    assert not one.held
    two.look()
    assert two.held


def test_who_does_not_hold_it_hands_nothing_over(server: ApiServer) -> None:
    clock = Clock()
    one, two = lease(server, "one", clock), lease(server, "two", clock)
    one.look()
    two.release()
    assert holder(server) == "one"


def test_of_many_that_come_at_once_one_holds_it(server: ApiServer) -> None:
    clock = Clock()
    leases = [lease(server, str(number), clock) for number in range(6)]
    for _ in range(3):
        threads = [Thread(target=each.look) for each in leases]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        held = [each for each in leases if each.held]
        assert len(held) == 1
        held[0].release()


def test_while_the_api_server_is_away_it_is_held_for_10_seconds(server: ApiServer) -> None:
    clock = Clock()
    one = lease(server, "one", clock)
    one.look()
    server.broken = dict.fromkeys(range(100), Break.NOT_HEARD)
    for _ in range(3):
        clock.seconds += 3
        with pytest.raises(Unavailable):
            one.look()
        assert one.held
    clock.seconds += 1
    assert not one.held
    server.broken = {}
    one.look()
    assert one.held


def test_a_renewal_of_which_it_does_not_learn_is_none(server: ApiServer) -> None:
    clock = Clock()
    one = lease(server, "one", clock)
    one.look()
    clock.seconds += 9
    server.broken = {server.requests + 1: Break.NOT_ANSWERED}
    with suppress(Unavailable):
        one.look()
    clock.seconds += 1
    assert not one.held
    one.look()
    assert one.held


def test_one_that_somebody_emptied_is_taken(server: ApiServer) -> None:
    server.stored("leases", {"metadata": {"name": "tesk-janitor"}}, "ADDED")
    one = lease(server, "one", Clock())
    one.look()
    assert one.held
