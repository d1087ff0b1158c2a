import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.domain.switch import Switches, SwitchState
from risk.domain.switch_life import (
    TRANSITIONS,
    Channel,
    IllegalSwitch,
    KillEvent,
    KillState,
    Reset,
    is_engaged,
    lets_enter,
    next_state,
    state_of,
    why_not_reset,
)

states, events = st.sampled_from(list(KillState)), st.sampled_from(list(KillEvent))


@given(st.lists(events, max_size=12))
def test_nothing_but_a_reset_lets_entries_go_on(history):
    state = KillState.RUNNING
    for event in history:
        try:
            after = next_state(state, event)
        except IllegalSwitch:
            continue
        if lets_enter(after):
            assert event is KillEvent.RESET
        state = after


@given(state=states, event=events)
def test_an_illegal_move_says_so_and_a_legal_one_changes_the_state(state, event):
    if (state, event) in TRANSITIONS:
        assert next_state(state, event) is not state
    else:
        with pytest.raises(IllegalSwitch, match="takes no"):
            next_state(state, event)


@pytest.mark.parametrize("state", [state for state in KillState if state is not KillState.HALTED])
def test_every_state_can_be_halted(state):
    assert next_state(state, KillEvent.HALT) is KillState.HALTED


@pytest.mark.parametrize("state", [state for state in KillState if state is not KillState.FLATTENING])
def test_positions_can_be_closed_from_every_state(state):
    assert next_state(state, KillEvent.FLATTEN) is KillState.FLATTENING


def test_flattening_ends_halted_and_cancelling_blocked():
    assert next_state(KillState.FLATTENING, KillEvent.FLAT) is KillState.HALTED
    assert next_state(KillState.CANCELLING, KillEvent.ORDERS_GONE) is KillState.ENTRIES_BLOCKED


@pytest.mark.parametrize("state", [KillState.CANCELLING, KillState.FLATTENING])
def test_what_is_being_emptied_is_not_reset(state):
    with pytest.raises(IllegalSwitch):
        next_state(state, KillEvent.RESET)


@pytest.mark.parametrize("state", list(KillState))
def test_a_state_is_stored_as_engaged_or_not(state):
    stored = SwitchState(is_engaged=is_engaged(state))

    assert lets_enter(state_of(stored)) == lets_enter(state)
    assert (Switches(account=stored).objection(None) is None) == lets_enter(state)


@pytest.mark.parametrize(
    ("reset", "is_live", "why"),
    [
        (Reset(channel=Channel.PAGE), False, None),
        (Reset(channel=Channel.API), False, None),
        (Reset(channel=Channel.PAGE, has_second_factor=True), True, None),
        (Reset(channel=Channel.PAGE), True, "a live account's switch is reset with a second factor"),
        (
            Reset(channel=Channel.API, has_second_factor=True),
            True,
            "a live account's switch is reset on the page alone",
        ),
        (Reset(channel=Channel.TELEGRAM), False, "telegram can pull a switch and not reset it"),
        (Reset(channel=Channel.GUARDIAN), True, "guardian can pull a switch and not reset it"),
    ],
)
def test_a_reset_is_a_person_s(reset, is_live, why):
    assert why_not_reset(reset, is_live=is_live) == why
