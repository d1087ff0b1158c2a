"""The kill switch as a table: what each state lets through, and which event leads where.

Stored switches know engaged or not: released is RUNNING, engaged is ENTRIES_BLOCKED. The states beyond are what a desk is
about while it empties an account. Every event but the reset, and the end of what was begun, leads to a state at least as
strict; only a person resets.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from brokers.domain.errors import WindhoverError
from risk.domain.switch import SwitchState


class KillState(StrEnum):
    """From the freest to the strictest, but for CANCELLING and FLATTENING, which end by themselves."""

    RUNNING = "running"
    ENTRIES_BLOCKED = "entries_blocked"
    CANCELLING = "cancelling"  # open entries are being cancelled
    FLATTENING = "flattening"  # open orders are being cancelled, positions closed
    HALTED = "halted"  # nothing of a strategy goes on; a person may still close by hand


class KillEvent(StrEnum):
    BLOCK = "block"
    CANCEL = "cancel"
    FLATTEN = "flatten"
    HALT = "halt"
    ORDERS_GONE = "orders_gone"
    FLAT = "flat"  # no order is open and nothing is held
    RESET = "reset"


K, E = KillState, KillEvent

TRANSITIONS: dict[tuple[KillState, KillEvent], KillState] = {
    (K.RUNNING, E.BLOCK): K.ENTRIES_BLOCKED,
    (K.RUNNING, E.CANCEL): K.CANCELLING,
    (K.RUNNING, E.FLATTEN): K.FLATTENING,
    (K.RUNNING, E.HALT): K.HALTED,
    (K.ENTRIES_BLOCKED, E.CANCEL): K.CANCELLING,
    (K.ENTRIES_BLOCKED, E.FLATTEN): K.FLATTENING,
    (K.ENTRIES_BLOCKED, E.HALT): K.HALTED,
    (K.ENTRIES_BLOCKED, E.RESET): K.RUNNING,
    (K.CANCELLING, E.ORDERS_GONE): K.ENTRIES_BLOCKED,
    (K.CANCELLING, E.FLATTEN): K.FLATTENING,
    (K.CANCELLING, E.HALT): K.HALTED,
    (K.FLATTENING, E.FLAT): K.HALTED,
    (K.FLATTENING, E.HALT): K.HALTED,
    # what a halt left open can still be closed
    (K.HALTED, E.FLATTEN): K.FLATTENING,
    (K.HALTED, E.RESET): K.RUNNING,
}


class IllegalSwitch(WindhoverError):
    """The table knows no such move; nothing was changed."""

    code = "switch.illegal_move"


class Channel(StrEnum):
    """By which way a person asks."""

    PAGE = "page"
    API = "api"
    TELEGRAM = "telegram"
    GUARDIAN = "guardian"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """Who wants a switch back: by which way, and whether a second factor was shown."""

    channel: Channel
    has_second_factor: bool = False


def next_state(state: KillState, event: KillEvent) -> KillState:
    """Return the table's answer, or raise IllegalSwitch."""
    target = TRANSITIONS.get((state, event))
    if target is None:
        raise IllegalSwitch(
            f"a switch that is {_said(state)} takes no {_said(event)}", details={"state": state, "event": event}
        )
    return target


def why_not_reset(reset: Reset, *, is_live: bool) -> str | None:
    """Return why a reset is not allowed: a person's alone, and of a live account by the page with a second factor."""
    if reset.channel in (Channel.TELEGRAM, Channel.GUARDIAN):
        return f"{reset.channel} can pull a switch and not reset it"
    if is_live and reset.channel is not Channel.PAGE:
        return "a live account's switch is reset on the page alone"
    if is_live and not reset.has_second_factor:
        return "a live account's switch is reset with a second factor"
    return None


def lets_enter(state: KillState) -> bool:
    """Tell whether entries go on."""
    return state is K.RUNNING


def state_of(switch: SwitchState) -> KillState:
    """Return a stored switch as a state of the table."""
    return K.ENTRIES_BLOCKED if switch.is_engaged else K.RUNNING


def is_engaged(state: KillState) -> bool:
    """Return how a state is stored: every state but RUNNING blocks entries."""
    return not lets_enter(state)


def _said(word: StrEnum) -> str:
    return word.replace("_", " ")
