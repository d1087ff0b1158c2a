"""What each template is for, in one sentence, and which of them the desk's own strategies trade."""

from __future__ import annotations

from collections.abc import Mapping

LIBRARY = frozenset(
    {
        "bear_put_spread",
        "bull_call_spread",
        "iron_condor",
        "long_straddle",
        "long_strangle",
        "short_straddle",
        "short_strangle",
    }
)

SENTENCES: Mapping[str, str] = {
    "long_call": "A call bought: gains with every rise beyond its cost, loses no more than it cost.",
    "short_put": "A put sold below the market: keeps the premium unless it falls through the strike.",
    "bull_call_spread": "A call bought and a higher one sold: a rise at a known cost, with a ceiling.",
    "bull_put_spread": "A put sold and a lower one bought: keeps the credit unless it falls, with a floor under the loss.",
    "call_ratio_back_spread": "One call sold pays for two higher ones: gains from a large rise, loses most at the bought strike.",
    "synthetic_long": "A call bought and a put sold at one strike: moves like the future.",
    "long_risk_reversal": "A put sold pays for a call bought: long beyond both strikes, idle between them.",
    "call_butterfly_above": "A cheap bet that it settles near a level above the market.",
    "bull_seagull": "A call spread paid for by a put sold far below: a cheap rise, a loss in a crash.",
    "long_put": "A put bought: gains with every fall beyond its cost, loses no more than it cost.",
    "short_call": "A call sold above the market: keeps the premium, with no bound to the loss in a rise.",
    "bear_put_spread": "A put bought and a lower one sold: a fall at a known cost, with a ceiling.",
    "bear_call_spread": "A call sold and a higher one bought: keeps the credit unless it rises, with a bounded loss.",
    "put_ratio_back_spread": "One put sold pays for two lower ones: gains from a large fall, loses most at the bought strike.",
    "synthetic_short": "A call sold and a put bought at one strike: moves like a future sold.",
    "short_risk_reversal": "A call sold pays for a put bought: short beyond both strikes, idle between them.",
    "put_butterfly_below": "A cheap bet that it settles near a level below the market.",
    "bear_seagull": "A put spread paid for by a call sold far above: a cheap fall, a loss in a surge.",
    "iron_condor": "A put spread and a call spread sold around the market: keeps the credit while it stays between them.",
    "iron_butterfly": "A straddle sold with wings bought: keeps most where it settles at the middle strike.",
    "short_straddle": "The call and the put at the money sold: gains while it stands still, with no bound to the loss.",
    "short_strangle": "A call above and a put below sold: a wider stillness for less premium, with no bound to the loss.",
    "call_butterfly": "Calls bought outside and two sold at the middle: gains near it for a small cost.",
    "put_butterfly": "Puts bought outside and two sold at the middle: gains near it for a small cost.",
    "call_condor": "A butterfly with two middle strikes: gains over a wider range, less at its best.",
    "call_ratio_spread": "One call bought, two higher ones sold: gains up to them, with no bound to the loss above.",
    "put_ratio_spread": "One put bought, two lower ones sold: gains down to them, loses below.",
    "jade_lizard": "A put sold and a call spread sold above: nothing to lose upwards where the credit exceeds its width.",
    "broken_wing_butterfly": "A put butterfly with its far wing farther: cheaper or for a credit, loses more below.",
    "call_calendar": "A near call sold against a later one of its strike: gains from time while it stands still.",
    "put_calendar": "A near put sold against a later one of its strike: gains from time while it stands still.",
    "double_calendar": "A put and a call calendar around the market: a wider range in which time pays.",
    "diagonal_call": "A near call sold above a later one bought at the money: a slow rise, paid for by time.",
    "long_straddle": "The call and the put at the money bought: gains from a large move either way.",
    "long_strangle": "A call above and a put below bought: cheaper than a straddle, needs a larger move.",
    "strip": "One call and two puts bought: a large move, rather down.",
    "strap": "Two calls and one put bought: a large move, rather up.",
    "reverse_iron_condor": "A put spread and a call spread bought: a move beyond either pays, at a known cost.",
    "reverse_iron_butterfly": "A straddle bought with its wings sold: a move pays up to the wings, at a known cost.",
}
