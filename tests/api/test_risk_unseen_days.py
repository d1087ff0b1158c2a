"""A book's drawdown over days at which nobody could see what it was worth."""

from datetime import datetime, time, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from brokers.domain.calendar import ALWAYS_OPEN
from brokers.domain.clock import IST, venue_day_of
from brokers.domain.orders import Book
from execution.models import EquityPoint
from execution.risk_book import account_uses, limits_watch
from risk.domain import Refused
from risk.liveness_models import UnitWorth
from risk.selectors import limits_for
from risk.services import limits_set
from tests.api.test_risk_limits import FIRST, a_quote_is_published
from tests.people import a_listed, a_position_row
from tests.risk.builders import a_view, an_intent, reviewed

pytestmark = pytest.mark.django_db
TODAY = datetime.combine(venue_day_of(timezone.now()), time(), tzinfo=IST)


@pytest.fixture
def bounded(ours, monkeypatch):
    """An account that may fall by a fifth, seen last at the end of the day before yesterday, on a venue that never rests."""
    a_listed()
    monkeypatch.setattr("execution.risk_days.calendar_of", lambda _: ALWAYS_OPEN)
    limits = FIRST | {"max_drawdown_fraction": "0.2"}
    limits_set(account=ours.account, values=limits, by=ours.user, at=timezone.now())
    begins = TODAY - timedelta(days=1)
    UnitWorth.objects.create(
        account=ours.account,
        book="live",
        nav=1,
        peak=1,
        equity_quote=100_000,
        net_quote=0,
        day_ends_at=begins,
        seen_at=begins,
    )
    return ours


def watched(caller, *, net):
    a_quote_is_published(caller, "1000", net=net)
    limits_watch(at=timezone.now())
    return UnitWorth.objects.get(book="live")


def entry_of(caller):
    view = a_view(market_at=TODAY + timedelta(hours=11))
    return reviewed(an_intent(book=Book.LIVE), limits=limits_for(caller.account), view=view)


def test_the_fall_of_a_day_that_was_never_noted_counts(bounded):
    yesterday = TODAY - timedelta(hours=9)
    for minutes, net in ((0, -12_000), (30, -10_000)):
        EquityPoint.objects.create(
            account=bounded.account, book="live", market_at=yesterday + timedelta(minutes=minutes), net_quote=net
        )

    worth = watched(bounded, net="90000.00")

    assert (worth.nav, worth.peak, worth.equity_quote) == (Decimal("0.9"), 1, 90_000)
    (use,) = account_uses(type(bounded.account).objects.filter(pk=bounded.account.pk), now=timezone.now())
    assert use.facts[Book.LIVE].drawdown_fraction == Decimal("0.1")


def test_a_missing_day_leaves_the_value_unknown_and_entries_refused(bounded):
    a_position_row(bounded.account, quantity=10, average_price=1000, day_average=1000, book="live")

    worth = watched(bounded, net="90000.00")

    assert (worth.nav, worth.equity_quote, worth.day_ends_at) == (1, 100_000, TODAY - timedelta(days=1))
    decision = entry_of(bounded)
    assert isinstance(decision, Refused)
    assert decision.reason == "the account's unit value is not known, so its drawdown cannot be judged"
    (use,) = account_uses(type(bounded.account).objects.filter(pk=bounded.account.pk), now=timezone.now())
    assert use.facts[Book.LIVE].drawdown_fraction is None


def test_without_a_limit_on_the_drawdown_a_missing_day_begins_anew(bounded):
    a_position_row(bounded.account, quantity=10, average_price=1000, day_average=1000, book="live")
    bounded.account.limits.max_drawdown_fraction = None
    bounded.account.limits.save()
    UnitWorth.objects.update(peak=2)

    worth = watched(bounded, net="90000.00")

    assert (worth.nav, worth.peak, worth.equity_quote) == (1, 1, 90_000)


def test_an_empty_book_earned_nothing_on_a_day_without_a_curve(bounded):
    worth = watched(bounded, net="90000.00")

    assert (worth.nav, worth.equity_quote) == (1, 90_000)


def test_a_day_on_which_the_venue_rested_is_not_missing(bounded, monkeypatch):
    a_position_row(bounded.account, quantity=10, average_price=1000, day_average=1000, book="live")
    monkeypatch.setattr(type(ALWAYS_OPEN), "is_trading_day", lambda *_: False)

    assert watched(bounded, net="90000.00").day_ends_at == TODAY + timedelta(days=1)
