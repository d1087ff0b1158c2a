"""A caller's followed NIFTY: listed, a row that asks for it, and what a desk would have left of it."""

from datetime import timedelta
from uuid import uuid4

from django.utils import timezone

from brokers.domain.market import ns_of
from brokers.hub import sync_redis
from brokers.models import ListedInstrument
from options.chain_wire import pack
from options.desk_line import quotes_key
from options.following import Followed, Wish
from options.models import TrackedUnderlying
from tests.options.frames import INDEX, NOW, RATE, a_frame, a_subject, some_options


def list_options(options=None, *, with_index=True):
    ListedInstrument.objects.bulk_create(
        ListedInstrument(
            venue="kite",
            exchange=one.exchange,
            symbol=one.symbol,
            token=one.token,
            kind=one.kind.value,
            name=one.name,
            segment=one.segment,
            expiry=one.expiry,
            strike=one.strike,
            tick_size=one.tick_size,
            lot_size=one.lot_size,
            listed_on=NOW.date(),
        )
        for one in (*([INDEX] if with_index else []), *(some_options() if options is None else options))
    )


def a_tracked(caller, *, underlying="NIFTY", **fields):
    return TrackedUnderlying.objects.create(
        owner=caller.user, account=caller.account, underlying=underlying, asked_at=NOW, **fields
    )


def a_desk_leaves(caller, *, ago_s=1.0, at=NOW, minutes=1, received=None, **frame):
    """Leave a whole chain in Redis as the account's desk does, with the newest frame so long ago."""
    if received is None:
        one = Followed(Wish(tracked_id=uuid4(), underlying="NIFTY", expiries=3), a_subject(), rate=RATE)
        heard_at = timezone.now() - timedelta(seconds=ago_s)
        one.take(a_frame(one.subject.options, at=at, **frame), heard_at)
        if minutes:
            one.work_out(ns_of(at))
            one.minute(at.date())
        received = one.received(ns_of(at))
    sync_redis().set(quotes_key(str(caller.account.id), received.underlying), pack(received))
    return received
