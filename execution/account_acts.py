"""What can be done to a trading account from its page: each takes the form's words and answers with a sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from accounts.models import Membership
from brokers import services
from brokers.domain.errors import Invalid, NeedsLogin, VenueError
from brokers.logins import logout
from brokers.models import FamilyTie, Proof, TradingAccount, Venue
from brokers.preflight import preflight_run
from execution.connections import account_remove, account_rest

if TYPE_CHECKING:
    from accounts.models import User

Words = Mapping[str, str]
NO_ADDRESS = {
    Venue.KITE: "No address is declared. A simulated account needs none; a real one stays on paper without.",
    Venue.ASTER: "No address is declared: orders leave as this machine's other traffic does, and Aster takes them so.",
}


def describe(account: TradingAccount, words: Words, by: User, at: datetime) -> str:
    """Rename the account, or declare whose it is."""
    services.account_describe(
        account=account, label=words.get("label", ""), relation=words.get("relation", ""), by=by, at=at
    )
    return "Saved."


def rekey(account: TradingAccount, words: Words, by: User, at: datetime) -> str:
    """Put another key or secret in place."""
    key, secret = words.get("api_key", ""), words.get("api_secret", "")
    changed = services.account_rekey(account=account, api_key=key, api_secret=secret, by=by, at=at)
    if changed.auth_scheme != Proof.LOGIN:
        return "Stored and encrypted. The desk goes on with the new key within seconds."
    if changed.api_key != account.api_key:
        return "Stored and encrypted. No session of the old key is used any more: log in with the new one."
    return "Stored and encrypted. It counts from the next login on."


def route(account: TradingAccount, words: Words, by: User, at: datetime) -> str:
    """Declare from where orders leave, and look at that way at once."""
    before = account.is_live and not account.is_simulated
    account = services.account_route(account=account, egress_address=words.get("egress_address", ""), by=by, at=at)
    if not account.egress_address:
        return NO_ADDRESS[Venue(account.venue)]
    looked = preflight_run(account=account, by=by, at=at)
    is_recalled = before and not account.is_live
    paper = (
        " It is on paper until it is released anew: live strategies open nothing, and exit what they hold."
        if is_recalled
        else ""
    )
    if any(row["is_bad"] for row in looked.findings):
        return f"{account.egress_address} is declared, but not everything is in order: see below.{paper}"
    return f"Orders leave from {account.egress_address}.{paper}"


def countdown(account: TradingAccount, words: Words, by: User, at: datetime) -> str:
    """Set the venue's dead-man switch, or switch it off."""
    entered = words.get("countdown_s", "").strip()
    if entered and not (entered.isascii() and entered.isdecimal() and len(entered) <= 6):
        allowed = "a whole number of seconds from 120 to 3600, or nothing for off"
        raise Invalid(
            f"{entered[:20]} is not {allowed}",
            code="account.countdown",
            field="countdown_s",
            details={"value": entered[:20], "allowed": allowed},
        )
    seconds = int(entered) if entered else None
    account = services.account_countdown(account=account, countdown_s=seconds, by=by, at=at)
    if seconds is None:
        return "The dead-man switch is off: orders rest at Aster however long this desk is silent."
    return (
        f"After {seconds} s without a sign of life from this desk, Aster cancels every open order of {account.label}, "
        "protective stops included."
    )


def test(account: TradingAccount, _: Words, by: User, at: datetime) -> str:
    """Look at the way to the venue."""
    looked = preflight_run(account=account, by=by, at=at)
    bad = sum(row["is_bad"] for row in looked.findings)
    if bad:
        raise Invalid(f"{bad} of {len(looked.findings)} findings keep the account from going live: see below")
    if account.auth_scheme != Proof.LOGIN:
        return "Everything is in order."
    return "Everything that can be tested before a login is in order."


def end_login(account: TradingAccount, _: Words, by: User, at: datetime) -> str:
    """Log the account out at its venue."""
    try:
        logout(account=account, by=by, at=at)
    except NeedsLogin:
        raise Invalid("nobody is logged in", code="account.logged_out") from None
    except VenueError as error:
        raise type(error)(f"{error.message}. The session stands as it was; try again.", code=error.code) from None
    return f"{account.label} is logged out: its strategies open nothing until the next login."


def release(account: TradingAccount, words: Words, by: User, at: datetime) -> str:
    """Let the account trade real money."""
    if words.get("word", "").strip().upper() != "LIVE":
        raise Invalid("type LIVE to let the account trade real money", code="account.word", field="word")
    services.account_release(account=account, is_live=True, by=by, at=at)
    if account.is_testnet:
        return (
            f"{account.label} sends orders to the testnet now. Its strategies stay in the mode that each of them has."
        )
    return f"{account.label} trades real money now. Its strategies stay in the mode that each of them has."


def recall(account: TradingAccount, _: Words, by: User, at: datetime) -> str:
    """Take the account back to paper."""
    services.account_release(account=account, is_live=False, by=by, at=at)
    return f"{account.label} is on paper: live strategies open nothing, and exit what they hold as before."


def enable(account: TradingAccount, _: Words, by: User, at: datetime) -> str:
    """Take the account up again."""
    services.account_switch(account=account, is_enabled=True, by=by, at=at)
    return f"{account.label} is enabled."


def disable(account: TradingAccount, _: Words, by: User, at: datetime) -> str:
    """Let the account rest."""
    account_rest(account=account, by=by, at=at)
    if account.auth_scheme != Proof.LOGIN:
        return f"{account.label} is disabled: no desk holds it and its key is used by nobody."
    return f"{account.label} is disabled: no desk holds it and nobody can log it in."


def remove(account: TradingAccount, _: Words, by: User, at: datetime) -> str:
    """Forget the account."""
    account_remove(account=account, by=by, at=at)
    return f"{account.label} is removed."


def declare(account: TradingAccount, words: Words, by: User, at: datetime) -> str:
    """Declare that somebody of the desk belongs to the owner's family."""
    email = words.get("relative", "").strip().lower()
    member = Membership.objects.filter(desk=account.desk, user__email=email, is_active=True).first()
    if member is None:
        raise Invalid("nobody of this desk has that address", code="family.person", field="relative")
    services.family_declare(
        desk=account.desk,
        person=account.owner,
        relative=member.user,
        relation=words.get("relation", ""),
        by=by,
        at=at,
    )
    return (
        f"Declared and kept in the audit: {member.user.get_full_name()} is family of {account.owner.get_full_name()}."
    )


def withdraw(account: TradingAccount, words: Words, by: User, at: datetime) -> str:
    """Take a declaration back."""
    wanted = words.get("tie", "")
    tie = FamilyTie.objects.filter(desk=account.desk, pk=int(wanted)).first() if wanted.isdecimal() else None
    if tie is None:
        raise Invalid("there is no such declaration", code="family.unknown")
    services.family_withdraw(tie=tie, by=by, at=at)
    return "The declaration is withdrawn."


ACTS: Mapping[str, Callable[[TradingAccount, Words, User, datetime], str]] = {
    "describe": describe,
    "rekey": rekey,
    "route": route,
    "countdown": countdown,
    "test": test,
    "logout": end_login,
    "release": release,
    "recall": recall,
    "enable": enable,
    "disable": disable,
    "remove": remove,
    "declare": declare,
    "withdraw": withdraw,
}
