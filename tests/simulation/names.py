"""What the command line may name; known before anything is set up, so that a wrong name costs nothing."""

from __future__ import annotations

import sys

SCENARIOS = (
    "held-exit",
    "exit",
    "cancel-race",
    "partial-fill",
    "takeover",
    "kill-switch",
    "rush",
    "stopped",
    "guardian",
    "square-off",
    "perpetual",
    "liquidated",
    "basket",
    "basket-held",
)
FAULTS = (
    "kill",
    "power_loss",
    "freeze",
    "lose_reply",
    "error",
    "http_429",
    "http_5xx_before",
    "http_5xx_after",
    "html_body",
    "order_timed_out",
    "delay_visibility",
    "token_death",
    "duplicate_frames",
    "reorder_frames",
    "late_frames",
    "silent_socket",
    "drop_socket",
)
MUTATIONS = (
    "permit",
    "send-log",
    "absence",
    "fencing",
    "reduce-only",
    "fill-key",
    "stop-deadline",
    "kill-epoch",
    "budget-reserve",
    "budget-urgency",
    "gate-recheck",
)


def say(sentence: str) -> None:
    """Tell the person at the terminal."""
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()
