"""What a combination would block, by an estimate of one's own in the manner of the exchange's: scenarios and exposure.

The exchange's parameters change daily and are not known here. So: the worst of the repriced scenarios (price up and down by
thirds of a scan range, volatility up and down; twice the range at 35 % of its loss), and on each sold option a share of the
underlying's value. What was paid for bought options is paid, not blocked. The venue's own calculator is always preferred.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from options.domain.combination import Combination, profit
from options.domain.payoff import Leg

INDICES = frozenset({"NIFTY", "BANKNIFTY", "FINNIFTY", "MIDCPNIFTY", "NIFTYNXT50", "SENSEX", "BANKEX", "SENSEX50"})
INDEX_SCAN, STOCK_SCAN = 0.10, 0.16
INDEX_EXPOSURE, STOCK_EXPOSURE = 0.02, 0.035
# asked on top for each sold index option on the day it expires
EXPIRY_DAY = 0.02
LEAST_POINTS, SHARE_OF_VOLATILITY = 0.04, 0.25
EXTREME_RANGE, EXTREME_SHARE = 2.0, 0.35
PAISA = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginEstimate:
    """In currency: `scenarios` and `exposure` are blocked for good, `peak` is needed while the bought legs go first."""

    scenarios: Decimal
    exposure: Decimal
    premium_paid: Decimal

    @property
    def final(self) -> Decimal:
        return self.scenarios + self.exposure

    @property
    def peak(self) -> Decimal:
        return self.final + self.premium_paid


def estimate_margin(combination: Combination, *, underlying: str, expires_today: bool = False) -> MarginEstimate:
    """Estimate what a combination blocks; scenarios are repriced from now, without time passing."""
    is_index = underlying in INDICES
    share = INDEX_EXPOSURE if is_index else STOCK_EXPOSURE
    if is_index and expires_today:
        share += EXPIRY_DAY
    sold = sum(-leg.quantity for leg in combination.legs if leg.quantity < 0.0)
    bought = sum(leg.cost for leg in combination.legs if leg.quantity > 0.0)
    worst = _worst_loss(combination, INDEX_SCAN if is_index else STOCK_SCAN)
    return MarginEstimate(
        scenarios=_money(worst if sold else 0.0),
        exposure=_money(share * sold * combination.level),
        premium_paid=_money(max(bought, 0.0)),
    )


def _worst_loss(combination: Combination, scan: float) -> float:
    """Loss from what the legs are worth now, less what of it has been paid for already."""
    still = Combination(
        legs=combination.legs, forward=combination.forward, years=combination.years, spot=combination.spot
    )
    here = np.array([combination.level])
    now = float(profit(still, here)[0])
    moves = np.array([-1.0, -2.0 / 3.0, -1.0 / 3.0, 0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0])
    points = _points(combination.legs)
    scenes = [
        profit(still, combination.level * (1.0 + scan * moves), points=shift) - now for shift in (-points, points)
    ]
    far = np.array([-EXTREME_RANGE, EXTREME_RANGE])
    scenes.append(EXTREME_SHARE * (profit(still, combination.level * (1.0 + scan * far)) - now))
    worth = now + sum(leg.cost for leg in combination.legs)
    return max(-float(np.concatenate(scenes).min()) - max(worth, 0.0), 0.0)


def _points(legs: Sequence[Leg]) -> float:
    return max(SHARE_OF_VOLATILITY * float(np.mean([leg.volatility for leg in legs])), LEAST_POINTS)


def _money(amount: float) -> Decimal:
    return Decimal(repr(float(amount))).quantize(PAISA)
