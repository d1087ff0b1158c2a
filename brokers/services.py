"""Changes to trading accounts and to who may share an address; sessions are `brokers.logins`' affair."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F

from accounts.audit import audit_record
from accounts.models import Membership
from accounts.outbox import outbox_add
from accounts.selectors import may_write
from accounts.vault import seal
from brokers.domain.egress import egress_of
from brokers.domain.errors import Invalid, NotFound
from brokers.domain.login_advice import NEVER_YET
from brokers.domain.money import Currency
from brokers.logins import OTHER_KEY, login_end, proof_open
from brokers.models import FamilyTie, Proof, Relation, SessionState, TradingAccount, Venue, VenueLogin, short_id
from brokers.preflight import live_objections, require_may_trade_live
from brokers.proofs import known_key, known_secret, proven, scheme_for
from brokers.selectors import binding_of

if TYPE_CHECKING:
    from accounts.models import Desk, User

SYNC_TASK = "brokers.instruments_sync"
CURRENCIES = {Venue.KITE: Currency.INR, Venue.ASTER: Currency.USDT}
# shorter, and a venue's ban of two minutes would fire it; longer, and it no longer is one
COUNTDOWN_S = range(120, 3601)
# the same for one's own desk and any other: who else trades an account is nobody's business
KEY_IN_USE = "this key proves another account already: each account has a key of its own"
CONNECTED = "this account is connected already: one account of real money belongs to one desk"


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
    relation: str = Relation.SELF,
    auth_scheme: str = "",
    is_testnet: bool = False,
) -> TradingAccount:
    """Add a trading account with its sealed secret; raise Invalid naming the field, NotFound for a foreign desk.

    Where a venue has several ways to prove an account, `auth_scheme` names one; without, its first is meant.
    """
    if not may_write(by, desk.id):
        raise NotFound("there is no such desk", code="desk.unknown", field="desk")
    scheme = scheme_for(venue, auth_scheme)
    entered = proven(venue=venue, scheme=scheme, venue_user_id=venue_user_id, api_key=api_key, api_secret=api_secret)
    if is_testnet and (venue != Venue.ASTER or is_simulated):
        where = "a simulated account is at the simulator alone" if is_simulated else "Kite has no testnet"
        raise Invalid(where, code="account.testnet", field="is_testnet")
    account = TradingAccount(
        id=uuid4(),
        desk=desk,
        owner=owner,
        venue=venue,
        label=label.strip() or short_id(entered.venue_user_id)[:60],
        venue_user_id=entered.venue_user_id,
        currency=CURRENCIES[Venue(venue)],
        is_simulated=is_simulated,
        is_testnet=is_testnet,
        relation=_known_relation(relation),
        auth_scheme=scheme,
        api_key=entered.api_key,
    )
    account.api_secret = seal(entered.api_secret, binding=binding_of(account, "api_secret"))
    _insert(account)
    VenueLogin.objects.create(account=account, reason=NEVER_YET)
    if scheme != Proof.LOGIN:
        proof_open(account=account, at=at)
        # elsewhere the login fetches the list; nobody logs in here
        outbox_add(task=SYNC_TASK, arguments={"account_id": str(account.id)}, at=at, at_once=False)
    details = {"venue": venue, "auth_scheme": scheme.value, "is_testnet": is_testnet, "is_simulated": is_simulated}
    _audit("account.connect", account, by=by, at=at, details={**details, "relation": account.relation})
    return account


@transaction.atomic
def account_describe(*, account: TradingAccount, label: str, relation: str, by: User, at: datetime) -> TradingAccount:
    """Change what an account is called and whose money it is declared to be."""
    account = _locked(account)
    account.label = label.strip()[:60] or account.venue_user_id
    account.relation = _known_relation(relation)
    account.save(update_fields=["label", "relation"])
    _audit("account.describe", account, by=by, at=at, details={"label": account.label, "relation": account.relation})
    return account


@transaction.atomic
def account_rekey(*, account: TradingAccount, api_key: str, api_secret: str, by: User, at: datetime) -> TradingAccount:
    """Put another key or secret in place, each where it is given.

    A session belongs to the key it was opened with: another key ends it. Where the key itself proves the account, a
    new one takes the place of one that the venue refused.
    """
    account = _locked(account)
    scheme = Proof(account.auth_scheme)
    key, secret = api_key.strip(), api_secret.strip()
    if not key and not secret:
        raise Invalid("give a new API key, a new API secret, or both", code="account.missing", field="api_secret")
    key = known_key(key, scheme=scheme) if key else account.api_key
    is_other_key = key != account.api_key
    if is_other_key and not secret:
        raise Invalid("a new API key comes with its own API secret", code="account.missing", field="api_secret")
    account.api_key = key
    if secret:
        secret = known_secret(secret, scheme=scheme, venue_user_id=account.venue_user_id, api_key=key)
        account.api_secret = seal(secret, binding=binding_of(account, "api_secret"))
    _keep(account, "api_key", "api_secret")
    if scheme != Proof.LOGIN:
        proof_open(account=account, at=at)
    elif is_other_key:
        login_end(account=account, reason=OTHER_KEY, by=by, at=at)
    _audit("account.rekey", account, by=by, at=at, details={"api_key": is_other_key, "api_secret": bool(secret)})
    return account


@transaction.atomic
def account_countdown(*, account: TradingAccount, countdown_s: int | None, by: User, at: datetime) -> TradingAccount:
    """Set after how long without a sign of life the venue cancels every open order; None sets no such time."""
    account = _locked(account)
    if countdown_s is not None:
        if account.venue != Venue.ASTER:
            raise Invalid("this venue has no such switch", code="account.countdown", field="countdown_s")
        if countdown_s not in COUNTDOWN_S:
            allowed = f"{COUNTDOWN_S.start} to {COUNTDOWN_S.stop - 1} seconds"
            raise Invalid(
                f"{countdown_s} is not {allowed}",
                code="account.countdown",
                field="countdown_s",
                details={"value": str(countdown_s), "allowed": allowed},
            )
    before, account.countdown_s = account.countdown_s, countdown_s
    account.save(update_fields=["countdown_s"])
    _audit("account.countdown", account, by=by, at=at, details={"before": before, "after": countdown_s})
    return account


@transaction.atomic
def account_route(*, account: TradingAccount, egress_address: str, by: User, at: datetime) -> TradingAccount:
    """Declare from where an account's orders leave.

    A live account goes back to paper: another way out is tested before real orders take it.
    """
    account = _locked(account)
    egress = egress_of(egress_address, proxies=settings.WINDHOVER_EGRESS_PROXIES)
    if egress == account.egress_address:
        return account
    before, account.egress_address = account.egress_address, egress
    was_live = account.is_live and not account.is_simulated
    account.is_live = account.is_live and account.is_simulated
    account.save(update_fields=["egress_address", "is_live"])
    # the desk that holds the session lets go of it and opens it anew, by the other way
    VenueLogin.objects.filter(account=account, state=SessionState.LIVE).update(epoch=F("epoch") + 1)
    details = {"before": before, "after": egress, "is_paper_now": was_live}
    _audit("account.route", account, by=by, at=at, details=details)
    return account


@transaction.atomic
def account_release(*, account: TradingAccount, is_live: bool, by: User, at: datetime) -> TradingAccount:
    """Let an account trade real money, or call that back; raise Invalid with the first reason why it may not."""
    account = _locked(account)
    if is_live:
        if not account.is_enabled:
            raise Invalid("the account is disabled", code="account.disabled", field="account")
        require_may_trade_live(account, at=at)
    account.is_live = is_live
    account.save(update_fields=["is_live"])
    _audit("account.release" if is_live else "account.recall", account, by=by, at=at, details={})
    return account


@transaction.atomic
def account_switch(*, account: TradingAccount, is_enabled: bool, by: User, at: datetime) -> TradingAccount:
    """Rest an account, or take it up again; a login that is open must be logged out first."""
    account = _locked(account)
    live = VenueLogin.objects.filter(account=account, state=SessionState.LIVE)
    if not is_enabled and account.auth_scheme == Proof.LOGIN and live.exists():
        raise Invalid("log the account out first", code="account.logged_in", field="account")
    account.is_enabled = is_enabled
    account.save(update_fields=["is_enabled"])
    # a desk that uses a key lets go of it
    live.update(epoch=F("epoch") + 1)
    _audit("account.enable" if is_enabled else "account.disable", account, by=by, at=at, details={})
    return account


@transaction.atomic
def family_declare(*, desk: Desk, person: User, relative: User, relation: str, by: User, at: datetime) -> FamilyTie:
    """Keep a person's declaration that somebody of the same desk belongs to their family."""
    members = Membership.objects.filter(desk=desk, is_active=True, user__in=[person, relative])
    if person == relative or members.count() != 2 or not may_write(by, desk.id):
        raise Invalid("name another person of this desk", code="family.person", field="relative")
    if relation == Relation.SELF:
        raise Invalid("say how you are related", code="family.relation", field="relation")
    tie, _ = FamilyTie.objects.update_or_create(
        desk=desk,
        person=person,
        relative=relative,
        defaults={"relation": _known_relation(relation), "declared_by": by, "declared_at": at},
    )
    details = {"person": str(person.pk), "relative": str(relative.pk), "relation": relation}
    audit_record(action="family.declare", at=at, actor=by, desk_id=desk.pk, subject=str(tie.pk), details=details)
    declared: FamilyTie = tie
    return declared


@transaction.atomic
def family_withdraw(*, tie: FamilyTie, by: User, at: datetime) -> None:
    """Take a declaration back; raise Invalid while live accounts share an address by it."""
    details = {"person": str(tie.person_id), "relative": str(tie.relative_id), "relation": tie.relation}
    subject, desk_id = str(tie.pk), tie.desk_id
    live = TradingAccount.objects.filter(owner__in=[tie.person_id, tie.relative_id], is_live=True, is_simulated=False)
    tie.delete()
    for account in live:
        if any(objection.code == "account.egress_shared" for objection in live_objections(account, at=at)):
            sentence = f"{account.label} is live and shares its address by this: take it back to paper first"
            raise Invalid(sentence, code="family.in_use", field="relation")
    audit_record(action="family.withdraw", at=at, actor=by, desk_id=desk_id, subject=subject, details=details)


def _insert(account: TradingAccount) -> None:
    try:
        with transaction.atomic():
            account.save(force_insert=True)
    except IntegrityError:
        raise _connected_already(account) from None


def _keep(account: TradingAccount, *fields: str) -> None:
    try:
        with transaction.atomic():
            account.save(update_fields=fields)
    except IntegrityError:
        raise Invalid(KEY_IN_USE, code="account.exists", field="api_key") from None


def _connected_already(account: TradingAccount) -> Invalid:
    """Return what keeps an account from being added: it is here already, or its key signs for another one."""
    same = TradingAccount.objects.filter(venue=account.venue, is_testnet=account.is_testnet)
    if not same.filter(venue_user_id=account.venue_user_id).exists():
        return Invalid(KEY_IN_USE, code="account.exists", field="api_key")
    return Invalid(CONNECTED, code="account.exists", field="venue_user_id")


def _known_relation(relation: str) -> str:
    if relation not in Relation.values:
        raise Invalid("say whose account it is", code="account.relation", field="relation")
    return relation


def _locked(account: TradingAccount) -> TradingAccount:
    locked: TradingAccount = TradingAccount.objects.select_for_update().get(pk=account.pk)
    return locked


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
