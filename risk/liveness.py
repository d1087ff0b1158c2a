"""Whether limits live: breaches in shadow once a day, and the nearest that each came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction

from brokers.domain.clock import venue_day_of
from brokers.models import TradingAccount
from risk.domain.levels import Level
from risk.domain.shadow import ShadowResult, breaches
from risk.limit_table import limits_whole
from risk.liveness_models import LimitMark, ShadowBreach
from risk.models import LimitSet

SENTENCE_LENGTH = 300
PLACES = Decimal("0.00000001")
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


@transaction.atomic
def shadow_run(*, account: TradingAccount, at: datetime) -> tuple[ShadowResult, ...]:
    """Try a breach of every limit of an account and keep what became of it; an account without limits has none to try."""
    row = LimitSet.objects.select_related("account").filter(account=account).first()
    results = breaches(limits_whole(row), at=at) if row is not None else ()
    day = venue_day_of(at)
    ShadowBreach.objects.filter(account=account, day=day).delete()
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
            for result in results
        ]
    )
    return results


def shadow_run_where_due(*, account: TradingAccount, at: datetime) -> bool:
    """Try the breaches where it has not been done on this day; tell whether it was done now."""
    if ShadowBreach.objects.filter(account=account, day=venue_day_of(at)).exists():
        return False
    return bool(shadow_run(account=account, at=at))


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


def rows_clear(*, before: date) -> int:
    """Delete marks and breaches in shadow of days before one; return how many rows went."""
    return sum(int(model.objects.filter(day__lt=before).delete()[0]) for model in (LimitMark, ShadowBreach))


def _target(account: TradingAccount, level: Level, target: str) -> str:
    return str(account.pk) if level is Level.ACCOUNT else target
