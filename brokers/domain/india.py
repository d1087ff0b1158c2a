"""The Indian market's dated facts: holidays, session hours and charge rates.

Sources, gathered 2026-11-21: NSE/CMTR/71775 (holidays 2026) and its addition of 2026-01-15;
NSE/CMTR/74466 and NSE/FAOP/74467, BSE 20260801-1 and -2 (closing auction and hours from
2026-08-03); SEBI HO/47/11/11(3)2025-MRD-POD2/I/23843/2026 with NSE/CMTR/76963 (hours from
2026-12-07: one source, to be confirmed before that day); Zerodha's list of charges and the Finance
Bill 2026 (rates from 2026-04-01), NSE/FA/73061 (cash transaction charge from 2026-03-01).

The Muhurat session of 2026-11-08 is left out: its hours were not published when this was written,
and the desk does not trade hours that it does not know. The year 2027 is not loaded: NSE
publishes its list in mid-December.
"""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal

from brokers.domain.calendar import CalendarTable, Segment, SessionRule, TradingCalendar
from brokers.domain.charges import ChargeRates, ChargeSchedule, ProductRates

HOLIDAYS_2026 = frozenset(
    date(2026, month, day)
    for month, day in (
        (1, 15), (1, 26), (3, 3), (3, 26), (3, 31), (4, 3), (4, 14), (5, 1),
        (5, 28), (6, 26), (9, 14), (10, 2), (10, 20), (11, 10), (11, 24), (12, 25),
    )
)  # fmt: skip

BUDGET_SUNDAY_2026 = date(2026, 2, 1)

_FIRST = date(2010, 1, 1)
_AUCTION = date(2026, 8, 3)
_LATER_CLOSE = date(2026, 12, 7)


def _rule(segment: Segment, since: date, **hours: object) -> SessionRule:
    return SessionRule(
        segment=segment,
        effective_from=since,
        pre_open=time(9, 0),
        open=time(9, 15),
        **hours,  # type: ignore[arg-type]
    )


_SHORT = {"entry_cutoff": time(14, 45), "square_off": time(15, 5)}
_CASH = {"entry_cutoff": time(15, 0), "square_off": time(15, 15)}
_FUTURES = {"entry_cutoff": time(15, 0), "square_off": time(15, 20)}

SESSION_RULES = (
    _rule(
        Segment.EQUITY_WITH_DERIVATIVES,
        _FIRST,
        continuous_end=time(15, 30),
        post_close=(time(15, 40), time(16, 0)),
        **_CASH,
    ),
    _rule(
        Segment.EQUITY_WITH_DERIVATIVES,
        _AUCTION,
        continuous_end=time(15, 15),
        auction_end=time(15, 35),
        post_close=(time(15, 50), time(16, 0)),
        **_SHORT,
    ),
    _rule(
        Segment.EQUITY_WITH_DERIVATIVES,
        _LATER_CLOSE,
        continuous_end=time(15, 30),
        auction_end=time(15, 40),
        post_close=(time(15, 50), time(16, 0)),
        is_confirmed=False,
        **_SHORT,
    ),
    *(
        rule
        for segment in (Segment.EQUITY, Segment.BSE_EQUITY)
        for rule in (
            _rule(
                segment,
                _FIRST,
                continuous_end=time(15, 30),
                post_close=(time(15, 40), time(16, 0)),
                **_CASH,
            ),
            _rule(
                segment,
                _AUCTION,
                continuous_end=time(15, 30),
                post_close=(time(15, 50), time(16, 0)),
                **_CASH,
            ),
        )
    ),
    *(
        rule
        for segment in (Segment.NSE_DERIVATIVES, Segment.BSE_DERIVATIVES)
        for rule in (
            _rule(segment, _FIRST, continuous_end=time(15, 30), **_FUTURES),
            _rule(segment, _AUCTION, continuous_end=time(15, 40), **_FUTURES),
            _rule(
                segment,
                _LATER_CLOSE,
                continuous_end=time(15, 45),
                expiring_end=time(15, 30),
                is_confirmed=False,
                **_FUTURES,
            ),
        )
    ),
)

INDIA = TradingCalendar(
    CalendarTable(
        holidays={2026: HOLIDAYS_2026},
        extra_days=frozenset({BUDGET_SUNDAY_2026}),
        rules=SESSION_RULES,
    )
)


def _percent(text: str) -> Decimal:
    return Decimal(text) / 100


_DELIVERY = ProductRates(
    brokerage_fraction=Decimal(0),
    brokerage_cap=None,
    tax_buy=_percent("0.1"),
    tax_sell=_percent("0.1"),
    exchange={"NSE": _percent("0.00307"), "BSE": _percent("0.00375")},
    stamp_buy=_percent("0.015"),
)
_INTRADAY = ProductRates(
    brokerage_fraction=_percent("0.03"),
    brokerage_cap=Decimal(20),
    tax_buy=Decimal(0),
    tax_sell=_percent("0.025"),
    exchange={"NSE": _percent("0.00307"), "BSE": _percent("0.00375")},
    stamp_buy=_percent("0.003"),
)
_FUTURE = ProductRates(
    brokerage_fraction=_percent("0.03"),
    brokerage_cap=Decimal(20),
    tax_buy=Decimal(0),
    tax_sell=_percent("0.05"),
    exchange={"NFO": _percent("0.00183"), "BFO": Decimal(0)},
    stamp_buy=_percent("0.002"),
)
_OPTION = ProductRates(
    brokerage_fraction=None,
    brokerage_cap=Decimal(20),
    tax_buy=Decimal(0),
    tax_sell=_percent("0.15"),
    exchange={"NFO": _percent("0.03553"), "BFO": _percent("0.0325")},
    stamp_buy=_percent("0.003"),
)

_SEBI = _percent("0.0001")
_GST = _percent("18")


def _older(rates: ProductRates, *, tax_sell: str | None = None, nse: str) -> ProductRates:
    """Return rates as they stood from 2024-10-01 until the exchange's of March 2026 or the taxes of April."""
    exchange = {name: _percent(nse) if name in ("NSE", "NFO") else rate for name, rate in rates.exchange.items()}
    return ProductRates(
        brokerage_fraction=rates.brokerage_fraction,
        brokerage_cap=rates.brokerage_cap,
        tax_buy=rates.tax_buy,
        tax_sell=_percent(tax_sell) if tax_sell else rates.tax_sell,
        exchange=exchange,
        stamp_buy=rates.stamp_buy,
    )


CHARGES = ChargeSchedule(
    (
        ChargeRates(
            effective_from=date(2024, 10, 1),
            delivery=_older(_DELIVERY, nse="0.00297"),
            intraday=_older(_INTRADAY, nse="0.00297"),
            future=_older(_FUTURE, tax_sell="0.02", nse="0.00173"),
            option=_older(_OPTION, tax_sell="0.1", nse="0.03503"),
            sebi=_SEBI,
            gst=_GST,
        ),
        ChargeRates(
            effective_from=date(2026, 3, 1),
            delivery=_DELIVERY,
            intraday=_INTRADAY,
            future=_older(_FUTURE, tax_sell="0.02", nse="0.00173"),
            option=_older(_OPTION, tax_sell="0.1", nse="0.03503"),
            sebi=_SEBI,
            gst=_GST,
        ),
        ChargeRates(
            effective_from=date(2026, 4, 1),
            delivery=_DELIVERY,
            intraday=_INTRADAY,
            future=_FUTURE,
            option=_OPTION,
            sebi=_SEBI,
            gst=_GST,
        ),
    )
)
