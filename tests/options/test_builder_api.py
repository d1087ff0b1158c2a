"""The builder over the API: templates on a followed chain, what they come to, what they block."""

import json
from decimal import Decimal

import pytest

from accounts.models import Role
from accounts.services import membership_set
from brokers.domain.errors import Retryable
from options import builder_margin
from tests.options.builder_site import EVALUATE, LEGS, MARGIN, TEMPLATES, body, has_no_nan, key, live, refusal
from tests.people import NOON, a_desk, a_member, an_account

pytestmark = pytest.mark.django_db


# --- templates


def test_templates_come_with_groups_sentences_and_expiries(ours, follow):
    answer = ours.get(f"{TEMPLATES}?underlying=NIFTY").json()

    assert answer["expiries"] == ["2026-08-25", "2026-09-22"]
    assert answer["lot_size"] == 65
    assert answer["count"] >= 28
    row = next(row for row in answer["results"] if row["name"] == "iron_condor")
    assert (row["title"], row["group"], row["in_library"]) == ("Iron condor", "neutral", True)
    assert row["sentence"].endswith(".")


def test_a_template_becomes_legs_at_the_side_they_trade_hedges_first(ours, follow):
    answer = ours.post(LEGS, {"underlying": "NIFTY", "template": "iron_condor", "width": "200", "lots": 2}).json()

    assert answer["is_complete"]
    assert [leg["side"] for leg in answer["legs"]] == ["BUY", "BUY", "SELL", "SELL"]
    bought = answer["legs"][0]
    assert (bought["price"], bought["price_side"]) == (bought["ask"], "ask")
    assert (bought["lots"], bought["quantity"]) == (2, "130")
    assert Decimal(bought["value"]) == -130 * Decimal(bought["ask"])
    assert answer["legs"][2]["price"] == answer["legs"][2]["bid"]
    assert answer["width"] == 200.0
    assert 100.0 in answer["widths"]


def test_without_a_width_the_sold_strikes_stand_an_expected_move_away(ours, follow):
    answer = ours.post(LEGS, {"underlying": "NIFTY", "template": "iron_condor"}).json()

    assert answer["width"] == 400.0
    assert {abs(leg["delta"]) < 0.25 * 65 for leg in answer["legs"]} == {True}


def test_a_calendar_stands_in_two_expiries(ours, follow):
    answer = ours.post(LEGS, {"underlying": "NIFTY", "template": "call_calendar"}).json()
    found = ours.post(EVALUATE, body([{n: leg[n] for n in ("instrument", "side", "lots")} for leg in answer["legs"]]))

    assert [leg["expiry"] for leg in answer["legs"]] == ["2026-09-22", "2026-08-25"]
    assert not found.json()["is_of_one_expiry"]
    assert len(found.json()["after_charges"]["breakevens"]) == 2
    assert has_no_nan(found.json())


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"template": "iron_lady"}, ("template.unknown", "template", 404)),
        ({"template": "iron_condor", "expiry": "2026-09-01"}, ("expiry.unknown", "expiry", 400)),
        ({"template": "call_calendar", "expiry": "2026-09-22"}, ("template.expiries", "expiry", 400)),
        ({"template": "iron_condor", "width": "75"}, ("template.width", "width", 400)),
        ({"template": "iron_condor", "width": "nan"}, ("field.invalid", "width", 400)),
        ({"template": "iron_condor", "lots": 0}, ("field.too_small", "lots", 400)),
        ({}, ("legs.either", "template", 400)),
        ({"template": "iron_condor", "colour": "red"}, ("field.unknown", "colour", 400)),
    ],
)
def test_what_no_template_can_be_built_of_is_refused_by_name(ours, follow, asked, expected):
    *named, status = expected

    error = refusal(ours.post(LEGS, {"underlying": "NIFTY", **asked}), status)

    assert [error["code"], error["field"]] == named


# --- what it comes to


def test_a_condor_comes_to_its_credit_less_charges_and_says_where(ours, follow):
    answer = ours.post(EVALUATE, body()).json()

    credit, charges = Decimal(answer["net_premium"]), Decimal(answer["charges"]["entry"])
    before, after = answer["before_charges"], answer["after_charges"]
    assert Decimal(before["max_profit"]["amount"]) == credit > 0
    assert Decimal(after["max_profit"]["amount"]) == credit - charges
    assert Decimal(after["max_loss"]["amount"]) == credit - charges - 200 * 65
    assert after["max_profit"]["said"] == "From 23,600 to 24,400."
    assert after["max_loss"]["said"] == "Below 23,400 and above 24,600."
    assert before["breakevens"][0] < after["breakevens"][0] < after["breakevens"][1] < before["breakevens"][1]
    assert 0.4 < answer["probability_of_profit"]["value"] < 0.9
    assert answer["greeks"]["theta"] > 0 > answer["greeks"]["vega"]
    assert answer["margin"]["source"] == "estimate"
    assert has_no_nan(answer)


def test_the_curves_stand_beside_each_other_and_end_at_the_payoff(ours, follow):
    answer = ours.post(EVALUATE, body(what_if={"days": "3"})).json()

    curve = answer["curve"]
    size = len(curve["level"])
    assert {len(curve[name]) for name in ("now", "then", "expiry", "density", "chance_below")} == {size}
    at = curve["level"].index(23_400.0)
    assert curve["expiry"][at] == pytest.approx(float(answer["after_charges"]["max_loss"]["amount"]), abs=0.01)
    assert [row["count"] for row in curve["deviations"]] == [-2, -1, 1, 2]
    assert max(curve["density"]) == 1.0


def test_a_what_if_moves_the_figures_and_ends_at_the_expiry(ours, follow):
    rest = ours.post(EVALUATE, body()).json()
    moved = ours.post(
        EVALUATE, body(what_if={"spot_shift_percent": "2.5", "volatility_shift_points": "-2", "days": "900"})
    ).json()

    assert moved["what_if"]["level"] == pytest.approx(23_990.0 * 1.025)
    assert moved["what_if"]["is_expiry"]
    assert moved["curve"]["then"] == moved["curve"]["expiry"]
    assert moved["what_if"]["profit"] != rest["what_if"]["profit"]
    assert rest["curve"]["then"] == rest["curve"]["now"]


def test_an_unbounded_loss_is_said_in_words(ours, follow):
    answer = ours.post(EVALUATE, body([{"instrument": key(24_000, "CE"), "side": "SELL", "lots": 1}])).json()

    loss = answer["after_charges"]["max_loss"]
    assert (loss["amount"], loss["is_bounded"]) == (None, False)
    assert loss["said"] == "Unbounded: grows with every point that it rises."
    put = ours.post(EVALUATE, body([{"instrument": key(24_000, "PE"), "side": "SELL", "lots": 1}])).json()
    assert put["after_charges"]["max_loss"]["said"] == "At 0."
    assert put["after_charges"]["max_profit"]["said"] == "Above 24,000."


def test_leaving_at_once_costs_the_spreads_and_the_charges(ours, follow):
    answer = ours.post(EVALUATE, body()).json()["charges"]["leaving_now"]

    assert Decimal(answer["spread"]) == Decimal("-26.00")  # four legs of 65 units, a spread of 0.10
    assert Decimal(answer["total"]) == Decimal(answer["spread"]) + Decimal(answer["charges"])


def test_without_a_spot_the_forward_is_the_level(ours, follow):
    follow(live(spot=None))

    answer = ours.post(EVALUATE, body()).json()

    assert answer["spot"] is None
    assert answer["level"] == pytest.approx(answer["forward"])


# --- margin


def test_the_margin_is_an_own_estimate_with_the_reason_where_the_venue_does_not_answer(ours, follow, monkeypatch):
    def silent(**_):
        raise Retryable("the venue cannot be reached", code="venue.unreachable")

    monkeypatch.setattr(builder_margin, "basket_margin", silent)

    answer = ours.post(MARGIN, body()).json()

    assert answer["source"] == "estimate"
    assert "the venue cannot be reached" in answer["said"]
    assert Decimal(answer["peak"]) > Decimal(answer["final"]) > 0


def test_the_margin_is_the_venues_where_it_answers(ours, follow, monkeypatch):
    from brokers.adapters.kite.calculators import basket_margin_of

    row = dict.fromkeys(("bo", "cash", "var", "leverage", "additional", "option_premium"), 0)
    row |= {"type": "equity", "tradingsymbol": "", "exchange": "", "pnl": {"realised": 0, "unrealised": 0}}
    told = {
        "initial": {**row, "span": 400_000, "exposure": 60_000, "total": 460_000},
        "final": {**row, "span": 13_000, "exposure": 60_000, "total": 73_000},
        "orders": [],
    }
    asked = []

    def calculator(*, account, orders):
        asked.append((account, orders))
        return basket_margin_of(json.loads(json.dumps(told), parse_int=Decimal))

    monkeypatch.setattr(builder_margin, "basket_margin", calculator)

    answer = ours.post(MARGIN, body(account=str(ours.account.id))).json()

    assert (answer["source"], answer["final"]) == ("venue", "73000.00")
    assert Decimal(answer["peak"]) == Decimal(73_000) + Decimal(answer["premium_paid"])
    assert "460000.00" in answer["said"]
    ((account, orders),) = asked
    assert account == ours.account
    assert [intent.side for intent, _ in orders] == ["BUY", "BUY", "SELL", "SELL"]


@pytest.fixture
def asked(monkeypatch):
    """Note which accounts the venue is asked for; it never answers."""
    accounts = []

    def noted(*, account, orders):
        accounts.append(account)
        raise Retryable("the venue cannot be reached", code="venue.unreachable")

    monkeypatch.setattr(builder_margin, "basket_margin", noted)
    return accounts


def given_away(account):
    account.owner = a_member(account.desk, Role.OWNER)
    account.save(update_fields=["owner"])


def test_a_colleagues_account_is_asked_neither_unnamed_nor_named(ours, follow, asked):
    given_away(ours.account)

    unnamed = ours.post(MARGIN, body()).json()
    named = ours.post(MARGIN, body(account=str(ours.account.id))).json()

    assert asked == []
    assert "No account of your own" in unnamed["said"]
    assert (unnamed["source"], named["source"]) == ("estimate", "estimate")
    assert "not your own" in named["said"]


def test_an_account_on_a_desk_where_its_owner_may_only_look_is_not_asked(ours, follow, asked):
    user = ours.account.owner
    elsewhere = an_account(a_desk(), owner=user)
    membership_set(desk=elsewhere.desk, user=user, role=Role.VIEWER, at=NOON, by=None)

    answer = ours.post(MARGIN, body(account=str(elsewhere.id))).json()

    assert asked == []
    assert "may only look" in answer["said"]


def test_an_account_is_asked_once_a_second_at_most(ours, follow, asked, monkeypatch):
    monkeypatch.setattr(builder_margin, "QUESTION_EVERY_S", 60)

    ours.post(MARGIN, body())
    second = ours.post(MARGIN, body()).json()

    assert asked == [ours.account]
    assert second["source"] == "estimate"
    assert "less than a second ago" in second["said"]


def test_anothers_account_is_not_asked(ours, theirs, follow):
    assert refusal(ours.post(MARGIN, body(account=str(theirs.account.id))), 404)["code"] == "account.unknown"


def test_without_an_account_the_estimate_says_so(ours, follow):
    ours.account.delete()

    assert "No account" in ours.post(MARGIN, body()).json()["said"]
