"""Limits and the gate: pure rules, importable with Django absent."""

from risk.domain.exposure import Holding, PendingOrder, QuoteView, RiskView, pending_of
from risk.domain.gate import Reduced, Refused, recheck, review
from risk.domain.limits import Limits
from risk.domain.switch import Switches, SwitchState

__all__ = [
    "Holding",
    "Limits",
    "PendingOrder",
    "QuoteView",
    "Reduced",
    "Refused",
    "RiskView",
    "SwitchState",
    "Switches",
    "pending_of",
    "recheck",
    "review",
]
