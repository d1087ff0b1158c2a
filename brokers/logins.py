"""The life of a venue's session: opened by a person's sign-in, ended by logout, by the clock or by the venue."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

import structlog
from django.db import transaction
from django.db.models import QuerySet

from accounts.audit import audit_record
from accounts.outbox import outbox_add
from accounts.vault import reveal, seal
from brokers.adapters.kite import blocking, protocol
from brokers.domain.errors import Invalid, NeedsLogin, WindhoverError
from brokers.domain.login_advice import BY_HAND, OTHER_PERSON, advised
from brokers.models import Proof, SessionState, TradingAccount, VenueLogin
from brokers.ports import VenueSession
from brokers.selectors import binding_of, credentials_of, venue_urls

if TYPE_CHECKING:
    from accounts.models import User

log = structlog.get_logger(__name__)
TIME_IS_UP = "The session ended at 06:00, as every day; log in again."
OTHER_KEY = "The API key was changed; log in again with the new one."
DAYS_END = "Logged out for the night: the exchanges want every session ended before the next day."


def login_url(*, account: TradingAccount, state: str) -> str:
    """Return where the owner's browser signs in; `state` comes back and binds the answer to the session."""
    _require_login(account)
    return protocol.login_url(venue_urls(account).login, account.api_key, state)


def login_exchange(*, account: TradingAccount, request_token: str, by: User | None, at: datetime) -> VenueLogin:
    """Exchange a request token for the day's session and keep it sealed.

    Raises NeedsLogin for a refused token, Invalid for a login of another person, Retryable or Ambiguous when the
    venue cannot be asked: the person then signs in again. Each refusal is audited.
    """
    try:
        session = _exchanged(account, request_token)
    except WindhoverError as error:
        told = advised(error, user_id=account.venue_user_id, was_used=_was_used(account, request_token))
        audit_login(account, "login.refused", by=by, at=at, details={"code": told.code})
        raise told from None
    token = seal(session.access_token, binding=binding_of(account, "access_token"))
    with transaction.atomic():
        login = _locked(account)
        login.state, login.reason, login.access_token = SessionState.LIVE, "", token
        login.login_at, login.expires_at = session.login_at, session.expires_at
        login.used_request = _digest(request_token)
        login.epoch += 1
        login.save()
        audit_login(account, "login.exchange", by=by, at=at, details={"epoch": login.epoch})
    return login


@transaction.atomic
def login_lost(*, account: TradingAccount, reason: str, at: datetime, epoch: int | None = None) -> bool:
    """Note that the venue's session has died and tell its owner; answer False for old news.

    With `epoch`, the session that the notice speaks of: one that a newer login has replaced stays as it is.
    """
    login = _locked(account)
    if login.state != SessionState.LIVE or (epoch is not None and epoch != login.epoch):
        return False
    _end(login, reason)
    audit_login(account, "login.lost", by=None, at=at, details={"reason": login.reason})
    _tell_owner(login, at=at)
    return True


def logout(*, account: TradingAccount, by: User | None, at: datetime, reason: str = BY_HAND) -> None:
    """End the session at the venue and forget its token; a venue that cannot be reached leaves it as it is.

    Nobody logged out by hand needs a letter about it; one whom the clock logged out does.
    """
    _require_login(account)
    epoch = VenueLogin.objects.filter(account=account).values_list("epoch", flat=True).first()
    credentials = credentials_of(account)
    with suppress(NeedsLogin):  # dead there already
        blocking.end_session(credentials, api_url=venue_urls(account).api)
    with transaction.atomic():
        login = _locked(account)
        if login.epoch != epoch:
            return  # somebody logged in while the venue was asked: that session stands
        _end(login, reason)
        audit_login(account, "login.end", by=by, at=at, details={"reason": reason})
        if by is None:
            _tell_owner(login, at=at)


@transaction.atomic
def login_end(*, account: TradingAccount, reason: str, by: User, at: datetime) -> bool:
    """Forget a session that can no longer be used, without a word to the venue; answer False where there is none."""
    login = _locked(account)
    if login.state != SessionState.LIVE:
        return False
    _end(login, reason)
    audit_login(account, "login.end", by=by, at=at, details={"reason": reason})
    return True


@transaction.atomic
def proof_open(*, account: TradingAccount, at: datetime) -> VenueLogin:
    """Let a desk use the key that an account is proven by, until the venue refuses it; it has no end of its own."""
    login = _locked(account)
    login.state, login.reason = SessionState.LIVE, ""
    login.login_at, login.expires_at = at, None
    login.epoch += 1
    login.save()
    return login


def sessions_expire(*, at: datetime) -> int:
    """End the sessions whose time is up by the clock, whether or not a desk holds their account; return how many."""
    due = _real_sessions().filter(expires_at__lte=at)
    return sum(login_lost(account=row.account, reason=TIME_IS_UP, at=at, epoch=row.epoch) for row in due)


def sessions_end(*, at: datetime) -> int:
    """Log every session out at its venue for the night; return how many are ended.

    One that the venue does not answer for stays, and dies by the clock at 06:00.
    """
    ended = 0
    for row in _real_sessions():
        try:
            logout(account=row.account, by=None, at=at, reason=DAYS_END)
            ended += 1
        except WindhoverError as error:
            log.warning("not_logged_out", account=row.account.venue_user_id, code=error.code)
            audit_login(row.account, "login.end_failed", by=None, at=at, details={"code": error.code})
    return ended


def audit_login(
    account: TradingAccount, action: str, *, by: User | None, at: datetime, details: dict[str, object]
) -> None:
    """Record what became of an account's session; the details never hold a token or a secret."""
    audit_record(
        action=action,
        at=at,
        actor=by,
        through="service",
        desk_id=account.desk_id,
        subject=str(account.id),
        details=details,
    )


def _require_login(account: TradingAccount) -> None:
    if account.auth_scheme != Proof.LOGIN:
        raise Invalid(f"{account} needs no login: its key proves it", code="login.none", field="account")


def _exchanged(account: TradingAccount, request_token: str) -> VenueSession:
    if not request_token:
        raise Invalid(
            "Kite sent nobody back: the sign-in there was not finished. Log in again.",
            code="login.token",
            field="request_token",
        )
    session = blocking.exchange_session(
        api_url=venue_urls(account).api,
        api_key=account.api_key,
        request_token=request_token,
        api_secret=reveal(account.api_secret, binding=binding_of(account, "api_secret")),
    )
    if session.user_id.upper() != account.venue_user_id.upper():
        raise Invalid(
            OTHER_PERSON.format(user_id=account.venue_user_id), code="login.other_user", field="request_token"
        )
    return session


def _real_sessions() -> QuerySet[VenueLogin]:
    # a simulated market has a clock of its own, and its desk ends those sessions; a key has no day
    rows: QuerySet[VenueLogin] = VenueLogin.objects.filter(
        state=SessionState.LIVE, account__is_simulated=False, account__auth_scheme=Proof.LOGIN
    )
    return rows.select_related("account")


def _was_used(account: TradingAccount, request_token: str) -> bool:
    used = VenueLogin.objects.filter(account=account).values_list("used_request", flat=True).first()
    return bool(used) and used == _digest(request_token)


def _digest(request_token: str) -> str:
    return hashlib.sha256(request_token.encode()).hexdigest()


def _tell_owner(login: VenueLogin, *, at: datetime) -> None:
    arguments = {"account_id": str(login.account_id), "epoch": str(login.epoch)}
    # written by a desk in the middle of its trading
    outbox_add(task="notifications.session_ended", arguments=arguments, queue="notify", at=at, at_once=False)


def _locked(account: TradingAccount) -> VenueLogin:
    VenueLogin.objects.get_or_create(account=account)
    login: VenueLogin = VenueLogin.objects.select_for_update().get(account=account)
    return login


def _end(login: VenueLogin, reason: str) -> None:
    login.state, login.reason, login.access_token = SessionState.NEEDS_LOGIN, reason[:300], ""
    login.epoch += 1
    login.save()
