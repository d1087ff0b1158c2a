"""More margin for one isolated position: it moves the liquidation away, and it is money that the position can lose.

A top-up is therefore bounded twice: by a cap for the position, and by what of the day's loss limit is left.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from brokers.domain.figures import in_words
from risk.domain.exposure import ZERO
from risk.domain.limits import Limits


def at_risk(isolated_margins: Iterable[Decimal]) -> Decimal:
    """Return what isolated positions can lose at most: all that was set aside for them."""
    return sum(isolated_margins, ZERO)


def objection_to_top_up(
    amount: Decimal,
    *,
    isolated_margin: Decimal,
    cap_quote: Decimal,
    others_at_risk_quote: Decimal,
    pnl_today_net_quote: Decimal,
    limits: Limits,
) -> str | None:
    """Object to a top-up of a position that has `isolated_margin` set aside; quote is the account's currency.

    `cap_quote` is the most that may stand behind the position in all. `others_at_risk_quote` is what stands behind the
    other isolated positions. A loss of today has used its part of the day's limit already; a gain adds nothing to it.
    """
    if amount <= 0:
        return f"a top-up adds margin, and {in_words(amount)} adds none"
    wanted = isolated_margin + amount
    if wanted > cap_quote:
        return f"the position would have a margin of {in_words(wanted)}, its cap is {in_words(cap_quote)}"
    lost = max(-pnl_today_net_quote, ZERO)
    exposed = others_at_risk_quote + wanted + lost
    if exposed > limits.max_daily_loss_quote:
        return (
            f"isolated positions could lose {in_words(others_at_risk_quote + wanted)} on top of {in_words(lost)} lost today, "
            f"limit {in_words(limits.max_daily_loss_quote)}"
        )
    return None
