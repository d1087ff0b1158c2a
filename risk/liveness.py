"""Whether limits live: breaches in shadow once a day, the nearest that each came, and what a book's unit is worth."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_UP, Decimal

import structlog
from django.db import transaction

from brokers.domain.clock import venue_day_of
from brokers.domain.orders import Book
from brokers.models import TradingAccount
from risk.domain.levels import Level
from risk.domain.shadow import ShadowResult, breaches
from risk.domain.worth import UnitValue
from risk.limit_table import limits_whole
from risk.liveness_models import LimitMark, ShadowBreach, UnitWorth
from risk.models import LimitSet
from risk.selectors import worth_of

log = structlog.get_logger(__name__)
# of this process
_failures = itertools.count(1)
SENTENCE_LENGTH = 300
PLACES = Decimal("0.00000001")
UNIT_PLACES = Decimal("0.000000000001")
_IDENTITY = ("level", "target", "name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What of one limit is used at a moment, and what the limit is."""

    level: Level
    target: str
    name: str
    used: Decimal
    bound: Decimal
    of: str = ""
    at: datetime

    @property
    def share(self) -> Decimal:
        return self.used / self.bound


def shadow_run(*, account: TradingAccount, at: datetime) -> tuple[ShadowResult, ...]:
    """Try a breach of every limit of an account and keep what became of it; an account without limits has none to try.

    Two at once leave one row for each limit, the later one's.
    """
    row = LimitSet.objects.select_related("account").filter(account=account).first()
    results = breaches(limits_whole(row), at=at) if row is not None else ()
    _results_keep(account, results, at)
    return results


@transaction.atomic
def _results_keep(account: TradingAccount, results: Sequence[ShadowResult], at: datetime) -> None:
    day = venue_day_of(at)
    ShadowBreach.objects.bulk_create(
        [
            ShadowBreach(
                account=account,
                level=result.level,
                target=_target(account, result.level, result.target),
                name=result.name,
                day=day,
                at=at,
                outcome=result.outcome.value,
                rule=result.rule,
                sentence=result.sentence[:SENTENCE_LENGTH],
            )
            # in one order, so that two at once do not wait for each other
            for result in sorted(results, key=lambda one: (one.level, one.target, one.name))
        ],
        update_conflicts=True,
        unique_fields=["account", *_IDENTITY, "day"],
        update_fields=["at", "outcome", "rule", "sentence"],
    )
    # of limits that are gone
    ShadowBreach.objects.filter(account=account, day=day, at__lt=at).delete()


def shadow_try(*, account: TradingAccount, at: datetime) -> bool:
    """Run the breaches and tell whether that went well; what fails is logged with how many have failed so far."""
    try:
        shadow_run(account=account, at=at)
    except Exception:
        log.exception("shadow_run_failed", account=str(account.pk), failures=next(_failures))
        return False
    return True


def shadow_try_where_due(*, account: TradingAccount, at: datetime) -> bool:
    """Try the breaches where it has not been done on this day; tell whether it was done now."""
    if ShadowBreach.objects.filter(account=account, day=venue_day_of(at)).exists():
        return False
    return shadow_try(account=account, at=at)


def marks_note(*, account: TradingAccount, book: str, day: date, marks: Sequence[Mark]) -> int:
    """Keep the marks that came nearer to their limit than any other of the day; answer how many did."""
    rows = LimitMark.objects.filter(account=account, book=book, day=day)
    known = {(row.level, row.target, row.name): row.used / row.bound for row in rows}
    nearer = [mark for mark in marks if mark.share > known.get((mark.level, mark.target, mark.name), Decimal(0))]
    LimitMark.objects.bulk_create(
        [
            LimitMark(
                account=account,
                book=book,
                level=mark.level,
                target=mark.target,
                name=mark.name,
                day=day,
                used=mark.used.quantize(PLACES),
                bound=mark.bound,
                of=mark.of,
                at=mark.at,
            )
            for mark in nearer
        ],
        update_conflicts=True,
        unique_fields=["account", "book", *_IDENTITY, "day"],
        update_fields=["used", "bound", "of", "at"],
    )
    return len(nearer)


@transaction.atomic
def worth_note(
    *,
    account: TradingAccount,
    book: Book,
    equity_quote: Decimal,
    net_quote: Decimal,
    market_at: datetime,
    day_ends_at: datetime,
    last_net_quote: Decimal | None = None,
    unseen_net_quotes: Sequence[Decimal] = (),
    begins_anew: bool = False,
) -> UnitValue:
    """Keep what a book's unit is worth now.

    Where a new day began, `last_net_quote` is the last P&L known of the day at which it was seen last, and
    `unseen_net_quotes` are those of the days between. With `begins_anew` what it was worth before is forgotten.
    """
    known = worth_of(account).get(book)
    if known is None or begins_anew:
        now = UnitValue(equity_quote=equity_quote, net_quote=net_quote, day_ends_at=day_ends_at)
    else:
        if last_net_quote is not None and market_at >= known.day_ends_at:
            known = known.closed(last_net_quote)
        for unseen in unseen_net_quotes:
            known = known.lived(unseen)
        now = known.seen(equity_quote=equity_quote, net_quote=net_quote, market_at=market_at, day_ends_at=day_ends_at)
    UnitWorth.objects.update_or_create(
        account=account,
        book=book.value,
        defaults={
            "nav": now.nav.quantize(UNIT_PLACES),
            # a peak rounded down would lie below its value
            "peak": now.peak.quantize(UNIT_PLACES, rounding=ROUND_UP),
            "equity_quote": now.equity_quote.quantize(PLACES),
            "net_quote": now.net_quote.quantize(PLACES),
            "day_ends_at": now.day_ends_at,
            "seen_at": market_at,
        },
    )
    return now


def rows_clear(*, before: date) -> int:
    """Delete marks and breaches in shadow of days before one; return how many rows went."""
    return sum(int(model.objects.filter(day__lt=before).delete()[0]) for model in (LimitMark, ShadowBreach))


def _target(account: TradingAccount, level: Level, target: str) -> str:
    return str(account.pk) if level is Level.ACCOUNT else target
