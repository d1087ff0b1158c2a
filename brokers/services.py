"""Changes to trading accounts, their venue sessions and the list of instruments."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import TYPE_CHECKING
from uuid import uuid4

from django.db import IntegrityError, transaction

from accounts.audit import audit_record
from accounts.selectors import may_write
from accounts.vault import reveal, seal
from brokers.adapters.kite import blocking, protocol
from brokers.domain.clock import venue_day_of
from brokers.domain.errors import DataError, Invalid, NeedsLogin, NotFound
from brokers.domain.instruments import Instrument
from brokers.domain.money import Currency
from brokers.models import ListedInstrument, SessionState, TradingAccount, Venue, VenueLogin
from brokers.selectors import binding_of, credentials_of, venue_urls

if TYPE_CHECKING:
    from accounts.models import Desk, User

# A real day's list has about a hundred thousand rows; half a list early in the morning is not one.
FEWEST_LISTED = 20_000
KEY_INSTRUMENTS = frozenset({"NSE:NIFTY 50", "NSE:NIFTY BANK", "BSE:SENSEX"})
MOST_UNREADABLE_SHARE = 0.05
# keeps each transaction on SQLite under 20 ms, so that nobody waits for the list
ROWS_PER_TRANSACTION = 250


@transaction.atomic
def account_connect(
    *,
    desk: Desk,
    owner: User,
    venue: str,
    label: str,
    venue_user_id: str,
    api_key: str,
    api_secret: str,
    is_simulated: bool,
    by: User,
    at: datetime,
) -> TradingAccount:
    """Add a trading account with its sealed secret; raise Invalid naming the field, NotFound for a foreign desk."""
    if not may_write(by, desk.id):
        raise NotFound("there is no such desk", code="desk.unknown", field="desk")
    _require_connectable(venue, venue_user_id, api_key, api_secret)
    account = TradingAccount(
        id=uuid4(),
        desk=desk,
        owner=owner,
        venue=venue,
        label=label.strip() or venue_user_id.upper(),
        venue_user_id=venue_user_id.strip().upper(),
        currency=Currency.INR,
        is_simulated=is_simulated,
        api_key=api_key,
    )
    account.api_secret = seal(api_secret, binding=binding_of(account, "api_secret"))
    try:
        with transaction.atomic():
            account.save(force_insert=True)
    except IntegrityError:
        raise Invalid("this account is connected already", code="account.exists", field="venue_user_id") from None
    VenueLogin.objects.create(account=account, reason="The account was connected; it waits for its first login.")
    _audit("account.connect", account, by=by, at=at, details={"venue": venue, "is_simulated": is_simulated})
    return account


def login_url(*, account: TradingAccount, state: str) -> str:
    """Return where the owner's browser signs in; `state` comes back and binds the answer to the session."""
    return protocol.login_url(venue_urls(account).login, account.api_key, state)


def login_exchange(*, account: TradingAccount, request_token: str, by: User | None, at: datetime) -> VenueLogin:
    """Exchange a request token for the day's session and keep it sealed.

    Raises NeedsLogin for a refused token, Invalid for a login of another person, Retryable or Ambiguous when the
    venue cannot be asked: the person then signs in again.
    """
    if not request_token:
        raise Invalid("the venue sent no request token", code="login.token", field="request_token")
    urls = venue_urls(account)
    session = blocking.exchange_session(
        api_url=urls.api,
        api_key=account.api_key,
        request_token=request_token,
        api_secret=reveal(account.api_secret, binding=binding_of(account, "api_secret")),
    )
    if session.user_id.upper() != account.venue_user_id.upper():
        raise Invalid(
            "somebody else signed in at the venue; sign in as the owner of this account",
            code="login.other_user",
            field="request_token",
        )
    token = seal(session.access_token, binding=binding_of(account, "access_token"))
    with transaction.atomic():
        login = _locked_login(account)
        login.state, login.reason, login.access_token = SessionState.LIVE, "", token
        login.login_at, login.expires_at = session.login_at, session.expires_at
        login.epoch += 1
        login.save()
        _audit("login.exchange", account, by=by, at=at, details={"epoch": login.epoch})
    return login


@transaction.atomic
def login_lost(*, account: TradingAccount, reason: str, at: datetime, epoch: int | None = None) -> bool:
    """Note that the venue's session has died; answer False for old news.

    With `epoch`, the session that the notice speaks of: one that a newer login has replaced stays as it is.
    """
    login = _locked_login(account)
    if login.state != SessionState.LIVE or (epoch is not None and epoch != login.epoch):
        return False
    _end(login, reason)
    _audit("login.lost", account, by=None, at=at, details={"reason": login.reason})
    return True


def logout(*, account: TradingAccount, by: User | None, at: datetime) -> None:
    """End the session at the venue and forget its token; a venue that cannot be reached leaves it as it is."""
    credentials = credentials_of(account)
    with suppress(NeedsLogin):  # dead there already
        blocking.end_session(credentials, api_url=venue_urls(account).api)
    with transaction.atomic():
        _end(_locked_login(account), "Logged out.")
        _audit("login.end", account, by=by, at=at, details={})


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentSync:
    """What became of one day's list."""

    listed: int
    removed: int
    unreadable: int


def instruments_sync(*, account: TradingAccount, at: datetime) -> InstrumentSync:
    """Fetch the day's list and make it ours; a list that fails its checks raises DataError and changes nothing."""
    listing = blocking.list_instruments(credentials_of(account), api_url=venue_urls(account).api)
    _require_whole(listing.instruments, listing.skipped, is_simulated=account.is_simulated)
    removed = _store(account.venue, listing.instruments, venue_day_of(at))
    return InstrumentSync(listed=len(listing.instruments), removed=removed, unreadable=listing.skipped)


def _require_connectable(venue: str, venue_user_id: str, api_key: str, api_secret: str) -> None:
    if venue != Venue.KITE:
        raise Invalid(f"no account can be connected at {venue!r} yet", code="account.venue", field="venue")
    needed = {"venue_user_id": venue_user_id, "api_key": api_key, "api_secret": api_secret}
    for field, value in needed.items():
        if not value.strip():
            raise Invalid(f"{field} is missing", code="account.missing", field=field)


def _require_whole(instruments: Sequence[Instrument], skipped: int, *, is_simulated: bool) -> None:
    if skipped > MOST_UNREADABLE_SHARE * (len(instruments) + skipped):
        raise DataError(f"{skipped} rows of the venue's list are unreadable", code="instruments.unreadable")
    if not instruments:
        raise DataError("the venue's list is empty", code="instruments.short")
    if is_simulated:  # a recording may hold a single underlying
        return
    if len(instruments) < FEWEST_LISTED:
        raise DataError(
            f"the venue's list has {len(instruments)} rows, fewer than {FEWEST_LISTED}", code="instruments.short"
        )
    missing = KEY_INSTRUMENTS - {instrument.key for instrument in instruments}
    if missing:
        raise DataError(f"the venue's list lacks {', '.join(sorted(missing))}", code="instruments.missing")


def _store(venue: str, instruments: Sequence[Instrument], day: date) -> int:
    """Put the new rows in place, then drop what is listed no longer, a few rows at a time."""
    rows = {(i.exchange, i.symbol): _listed(venue, i, day) for i in instruments}
    waiting = iter(rows.values())
    while chunk := list(islice(waiting, ROWS_PER_TRANSACTION)):
        ListedInstrument.objects.bulk_create(
            chunk,
            update_conflicts=True,
            unique_fields=["venue", "exchange", "symbol"],
            update_fields=[
                "token",
                "kind",
                "name",
                "segment",
                "expiry",
                "strike",
                "tick_size",
                "lot_size",
                "listed_on",
            ],
        )
    known = ListedInstrument.objects.filter(venue=venue).values_list("id", "exchange", "symbol")
    gone = iter([row_id for row_id, exchange, symbol in known if (exchange, symbol) not in rows])
    removed = 0
    while ids := list(islice(gone, ROWS_PER_TRANSACTION)):
        removed += ListedInstrument.objects.filter(id__in=ids).delete()[0]
    return removed


def _listed(venue: str, instrument: Instrument, day: date) -> ListedInstrument:
    return ListedInstrument(
        venue=venue,
        exchange=instrument.exchange,
        symbol=instrument.symbol,
        token=instrument.token,
        kind=instrument.kind.value,
        name=instrument.name[:64],
        segment=instrument.segment,
        expiry=instrument.expiry,
        strike=instrument.strike,
        tick_size=instrument.tick_size,
        lot_size=instrument.lot_size,
        listed_on=day,
    )


def _locked_login(account: TradingAccount) -> VenueLogin:
    VenueLogin.objects.get_or_create(account=account)
    login: VenueLogin = VenueLogin.objects.select_for_update().get(account=account)
    return login


def _end(login: VenueLogin, reason: str) -> None:
    login.state, login.reason, login.access_token = SessionState.NEEDS_LOGIN, reason[:300], ""
    login.epoch += 1
    login.save()


def _audit(action: str, account: TradingAccount, *, by: User | None, at: datetime, details: dict[str, object]) -> None:
    audit_record(
        action=action,
        at=at,
        actor=by,
        through="service",
        desk_id=account.desk_id,
        subject=str(account.id),
        details=details,
    )
