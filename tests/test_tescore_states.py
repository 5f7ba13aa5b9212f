import pytest

from tescore.states import FINAL, NEXT, State, may_go


@pytest.mark.parametrize("final", sorted(FINAL))
@pytest.mark.parametrize("then", list(State))
def test_a_task_never_leaves_a_final_state(final: State, then: State) -> None:
    assert may_go(final, then) == (final == then)


def test_running_never_goes_back() -> None:
    assert not may_go(State.RUNNING, State.INITIALIZING)
    assert not may_go(State.RUNNING, State.QUEUED)


@pytest.mark.parametrize("state", list(NEXT))
def test_every_state_that_is_left_can_end_in_cancelled_and_in_a_system_error(state: State) -> None:
    assert may_go(state, State.CANCELED)
    assert may_go(state, State.SYSTEM_ERROR)


@pytest.mark.parametrize("unused", [State.PREEMPTED, State.PAUSED, State.UNKNOWN])
def test_states_that_clients_wait_on_for_ever_are_never_written(unused: State) -> None:
    assert not any(unused in following for following in NEXT.values())
