"""Filling the demo's store of candles: by the doors of real files, in the worker, once the desk is up."""

from __future__ import annotations

from datetime import date, datetime

from django.conf import settings
from django.db import transaction

from accounts.models import Desk
from accounts.outbox import outbox_add
from analysis.candles import DEMO_SOURCE, candles_take
from analysis.demo_market import EVERYONE, EXCHANGE, LARGE, demo_days, demo_market
from analysis.fetch_models import CandlelessDays
from analysis.lists import actions_take, members_take, renames_take
from analysis.models import CandleYear, ListMember
from analysis.services import scan_ask
from analysis.subjects import EVERYTHING
from brokers.domain.clock import venue_day_of
from brokers.domain.errors import Invalid
from brokers.hub import snapshots, topic_of
from brokers.models import TradingAccount

TASK = "analysis.demo_fill"
QUEUE = "research"


def demo_fill_ask(*, at: datetime) -> None:
    """Ask the worker for the demo's candles; making them here would keep the demo from coming up."""
    outbox_add(task=TASK, queue=QUEUE, arguments={}, at=at)


def demo_is_up() -> bool:
    """Say whether any account of the demo shows prices: until then the processors have better things to do."""
    topics = [topic_of(str(account), "quotes") for account in TradingAccount.objects.values_list("id", flat=True)]
    return any(frame.get("data") for frame in snapshots(topics).values())


def demo_fill(*, at: datetime) -> bool:
    """Store the demo's candles up to the last day and scan them; answer whether anything had to be stored.

    Raises
    ------
    Invalid
        Outside the demo: made candles never stand beside real ones.
    """
    if not settings.WINDHOVER_DEMO:
        raise Invalid("The demo's candles are for the demo alone.", code="demo.only")
    today = venue_day_of(at)
    is_due = not _is_filled(today)
    if is_due:
        _fill(today, at)
    for desk in Desk.objects.order_by("created_at"):
        for universe in (EVERYTHING, EVERYONE):
            scan_ask(desk=desk, universe=universe, by=None, at=at)
    return is_due


def _is_filled(today: date) -> bool:
    names = ListMember.objects.filter(universe=EVERYONE).values("instrument")
    last = CandleYear.objects.filter(instrument__in=names).order_by("-last_day").values_list("last_day", flat=True)
    return bool(last) and last[0] >= demo_days(today)[-1]


def _fill(today: date, at: datetime) -> None:
    made = demo_market(today)
    names = {f"{EXCHANGE}:{one.symbol}" for one in made.candles}
    with transaction.atomic():
        # a market of another day has other prices on every day
        CandleYear.objects.filter(instrument__in=names).delete()
        CandlelessDays.objects.filter(instrument__in=names).delete()
        members_take(universe=EVERYONE, members=made.members)
        members_take(universe=LARGE, members=made.large)
        actions_take(actions=made.actions, source=DEMO_SOURCE)
        renames_take(renames=made.renames)
    candles_take(exchange=EXCHANGE, candles=made.candles, source=DEMO_SOURCE, at=at)
