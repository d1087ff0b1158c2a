"""The Accounts pages: the list, the wizard that connects one, and everything that is set on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from accounts import second_factor
from accounts.selectors import desks_to_act_on, may_write
from brokers import views as broker_views
from brokers.domain.errors import Invalid, NotFound, WindhoverError
from brokers.egress import ways_out
from brokers.models import Proof, TradingAccount, Venue
from brokers.selectors import account_for, accounts_visible
from brokers.simulator.aster.traders import SPARE_AGENT_KEY, SPARE_TRADER
from brokers.simulator.kite_sessions import SPARE_APP
from execution.account_acts import ACTS
from execution.account_forms import (
    CONNECT_FORMS,
    CountdownForm,
    DescribeForm,
    FamilyForm,
    RekeyForm,
    ReleaseForm,
    RouteForm,
)
from execution.account_rows import account_row, account_rows, addresses_of, agent_end, family_rows, redirect_address
from execution.connections import account_add, account_host, desk_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django import forms

    from accounts.models import User

STEPS = {
    Venue.KITE: {"account": "Account", "addresses": "Addresses", "egress": "Egress", "test": "Test", "login": "Log in"},
    Venue.ASTER: {"account": "Account", "egress": "Egress", "test": "Test", "done": "Take up"},
}
VENUE_LABELS = {Venue.KITE: "Zerodha Kite", Venue.ASTER: "Aster"}
FIRST_PROOF = {Venue.KITE.value: Proof.LOGIN.value, Venue.ASTER.value: Proof.AGENT.value}
PROOF_LABELS = {Proof.AGENT: "Agent wallet", Proof.KEY_PAIR: "Older API key"}


@require_safe
@login_required
def accounts_list(request: HttpRequest) -> HttpResponse:
    """List the trading accounts of the person's desks."""
    accounts = list(accounts_visible(request.user).select_related("owner"))
    shown = {
        "accounts": account_rows(accounts, at=timezone.now()),
        "has_logins": any(account.auth_scheme == Proof.LOGIN for account in accounts),
        "has_keys": any(account.auth_scheme != Proof.LOGIN for account in accounts),
        "may_act": bool(desks_to_act_on(request.user)) or not accounts,
    }
    return _page(request, "accounts/list.html", shown)


@sensitive_post_parameters("api_secret", "api_key")
@login_required
def connect(request: HttpRequest) -> HttpResponse:
    """Ask for a new account's venue, key and secret, and add it."""
    asked = request.POST if request.method == "POST" else request.GET
    chosen = _chosen(asked)
    if chosen is None:
        messages.error(request, "There is no such venue, or it does not take that kind of key. Choose again.")
        return redirect("account_connect")
    venue, proof = chosen
    form = _connect_form(request, venue, proof)
    if request.method == "POST" and form.is_valid():
        account = _added(request, form, venue, proof)
        if account is not None:
            return redirect("account_step", account_id=account.pk, step=list(STEPS[venue])[1])
    shown = {
        "form": form,
        "venue": venue.value,
        "proof": proof.value,
        "venues": VENUE_LABELS,
        "proofs": PROOF_LABELS,
        "redirect_address": redirect_address(),
        "steps": _steps("account", venue),
        "spare": _spare(venue, proof) if settings.WINDHOVER_DEMO else None,
    }
    return _page(request, "accounts/connect.html", shown)


@require_safe
@login_required
def step(request: HttpRequest, account_id: UUID, step: str) -> HttpResponse:
    """Show one of the wizard's later steps."""
    account = _account(request, account_id)
    venue = Venue(account.venue)
    if step not in STEPS[venue] or step == "account":
        raise Http404
    names = list(STEPS[venue])
    onward = names[names.index(step) + 1] if step != names[-1] else ""
    shown = {"steps": _steps(step, venue), "step": step, "next_step": onward, **_shown(request, account)}
    return _page(request, f"accounts/step_{step}.html", shown)


@require_safe
@login_required
def account_page(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """Show everything of one account, and what can be set on it."""
    return _page(request, "accounts/account.html", _shown(request, _account(request, account_id)))


@sensitive_post_parameters("api_secret", "api_key")
@require_POST
@login_required
def act(request: HttpRequest, account_id: UUID, verb: str) -> HttpResponse:
    """Carry out one act on an account and say what became of it."""
    account = _account(request, account_id)
    if verb not in ACTS:
        raise Http404
    if not may_write(request.user, account.desk_id):
        messages.error(request, "Your role may look but not act.")
        return redirect("account_page", account_id=account.pk)
    if verb == "release" and not account.is_simulated and (wanted := second_factor.refusal(request)):
        messages.error(request, wanted)
        return redirect("security")
    try:
        _require_words(request)
        said = ACTS[verb](account, request.POST, cast("User", request.user), timezone.now())
    except WindhoverError as error:
        messages.error(request, _sentence(error))
        return _back(request, account, failed=True)
    messages.success(request, said)
    return redirect("trading_accounts") if verb == "remove" else _back(request, account, failed=False)


@require_safe
@login_required
def login(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """Send a person to sign in at the venue, and let a desk hold the account from its first login on."""
    account = _account(request, account_id)
    if may_write(request.user, account.desk_id):
        account_host(account)
    return broker_views.begin(request, account_id)


def _chosen(asked: Mapping[str, str]) -> tuple[Venue, Proof] | None:
    """Return the venue and the way to prove an account there that are asked for; None for what nobody offers."""
    venue = asked.get("venue", Venue.KITE.value)
    proof = asked.get("auth_scheme", FIRST_PROOF.get(venue, ""))
    return (Venue(venue), Proof(proof)) if (venue, proof) in CONNECT_FORMS else None


def _connect_form(request: HttpRequest, venue: Venue, proof: Proof) -> forms.Form:
    words: dict[str, Any] = {"is_simulated": settings.WINDHOVER_DEMO} if venue == Venue.ASTER else {}
    return CONNECT_FORMS[venue, proof](request.POST if request.method == "POST" else None, **words)


def _spare(venue: Venue, proof: Proof) -> dict[str, str]:
    """Return the one more account that a demo's simulated exchange knows."""
    if venue == Venue.KITE:
        return {"id": SPARE_APP.user_id, "key": SPARE_APP.api_key, "secret": SPARE_APP.api_secret}
    if proof is Proof.AGENT:
        return {"id": SPARE_TRADER.user, "key": SPARE_TRADER.agent, "secret": SPARE_AGENT_KEY}
    return {"id": SPARE_TRADER.user, "key": SPARE_TRADER.api_key, "secret": SPARE_TRADER.api_secret}


def _added(request: HttpRequest, form: forms.Form, venue: Venue, proof: Proof) -> TradingAccount | None:
    """Add the account that a form describes, or say on the form what is wrong with it."""
    user, at = cast("User", request.user), timezone.now()
    desks = desks_to_act_on(user)
    try:
        if not desks and user.memberships.filter(is_active=True).exists():
            raise Invalid("Your role may look but not act.", code="role.insufficient")
        return account_add(
            desk=desks[0] if desks else desk_of(user, at=at),
            owner=user,
            venue=venue.value,
            auth_scheme=proof.value,
            # a demo and a desk beside a simulator move no real money
            is_simulated=settings.WINDHOVER_DEMO,
            by=user,
            at=at,
            **form.cleaned_data,
        )
    except WindhoverError as error:
        shown = [field.name for field in form.visible_fields()]
        form.add_error(error.field if error.field in shown else None, _sentence(error))
        return None


def _shown(request: HttpRequest, account: TradingAccount) -> dict[str, Any]:
    return {
        "account": account_row(account, at=timezone.now()),
        "addresses": addresses_of(account),
        "ways_out": ways_out(account),
        "agent_end": agent_end(account),
        "family": family_rows(account),
        "may_act": may_write(request.user, account.desk_id),
        "forms": {
            "describe": DescribeForm(initial={"label": account.label, "relation": account.relation}),
            "rekey": RekeyForm(proof=account.auth_scheme),
            "countdown": CountdownForm(initial={"countdown_s": account.countdown_s or ""}),
            "route": RouteForm(initial={"egress_address": account.egress_address}),
            "family": FamilyForm(),
            "release": ReleaseForm(),
        },
    }


def _steps(now: str, venue: Venue) -> list[dict[str, Any]]:
    names = list(STEPS[venue])
    at = names.index(now)
    return [
        {"name": name, "label": STEPS[venue][name], "is_now": index == at, "is_done": index < at}
        for index, name in enumerate(names)
    ]


def _require_words(request: HttpRequest) -> None:
    """Raise Invalid for a value that no database keeps as text."""
    for name, value in request.POST.items():
        if "\x00" in str(value):
            raise Invalid(f"{name} holds a character that is none", code="account.characters", field=name)


def _account(request: HttpRequest, account_id: UUID) -> TradingAccount:
    try:
        return account_for(request.user, account_id)
    except NotFound:
        raise Http404 from None


def _back(request: HttpRequest, account: TradingAccount, *, failed: bool) -> HttpResponse:
    """Return to the page that asked, or to the wizard's next step when this one is done."""
    here = request.POST.get("step", "")
    onward = here if failed else request.POST.get("next_step", here)
    if onward in STEPS[Venue(account.venue)] and onward != "account":
        return redirect("account_step", account_id=account.pk, step=onward)
    return redirect("account_page", account_id=account.pk)


def _sentence(error: WindhoverError) -> str:
    text = error.message[:1].upper() + error.message[1:]
    return text if text.endswith((".", "?")) else f"{text}."


def _page(request: HttpRequest, name: str, shown: dict[str, Any]) -> HttpResponse:
    response = render(request, name, shown)
    patch_cache_control(response, private=True, no_store=True)
    return response
