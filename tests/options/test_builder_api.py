"""The builder over the API: templates on a followed chain, what they come to, what is refused, what is kept."""

import json
import math
from datetime import date
from decimal import Decimal

import pytest

from accounts.models import Role
from brokers.domain.errors import NotFound, Retryable
from brokers.models import ListedInstrument
from options import builder_margin, builder_market
from options.builder_models import Combination
from options.domain.quotes import CALL, PUT
from options.live import LiveChain
from tests.api.conftest import Caller, client_of
from tests.options.chains import NOW, a_chain, some_quotes
from tests.people import a_listed, a_member

pytestmark = pytest.mark.django_db

STRIKES = [23_000.0 + 100.0 * count for count in range(21)]
NEAR, FAR = date(2026, 8, 25), date(2026, 9, 22)
TEMPLATES, LEGS = "/api/options/builder/templates", "/api/options/builder/legs"
EVALUATE, MARGIN, SAVED = (
    "/api/options/builder/evaluate",
    "/api/options/builder/margin",
    "/api/options/builder/saved",
)


def symbol(strike, kind, expiry=NEAR):
    return f"NIFTY{expiry:%y%b%d}{strike:.0f}{kind}".upper()


def key(strike, kind, expiry=NEAR):
    return f"NFO:{symbol(strike, kind, expiry)}"


def live(expiry=NEAR, **changes):
    days = (expiry - NOW.date()).days
    given = {"spot": 23_990.0, "days": days, **changes}
    chain = a_chain(**({} if "quotes" in given else {"strikes": STRIKES}), **given)
    return LiveChain(
        underlying="NIFTY",
        expiry=expiry,
        chain=chain,
        exchange="NFO",
        lot_size=65,
        instruments={(strike, kind): key(strike, kind, expiry) for strike in STRIKES for kind in ("CE", "PE")},
        as_of=NOW,
        age_s=0.4,
        said=(),
    )


@pytest.fixture
def listed(db):
    rows = [
        ListedInstrument(
            venue="kite",
            exchange="NFO",
            symbol=symbol(strike, kind, expiry),
            token=number,
            kind=kind,
            name="NIFTY",
            segment="NFO-OPT",
            expiry=expiry,
            strike=Decimal(strike),
            tick_size=Decimal("0.05"),
            lot_size=65,
            listed_on=NOW.date(),
        )
        for number, (expiry, strike, kind) in enumerate(
            (expiry, strike, kind) for expiry in (NEAR, FAR) for strike in STRIKES for kind in ("CE", "PE")
        )
    ]
    ListedInstrument.objects.bulk_create(rows)


@pytest.fixture
def ours(db, listed):
    return Caller()


@pytest.fixture
def follow(monkeypatch):
    """Let these chains be what every desk follows."""

    def followed(*chains, known=("NIFTY",)):
        def latest(user, underlying):
            if underlying not in known:
                raise NotFound("not followed", code="chain.not_tracked", field="underlying")
            return tuple(one for one in chains if one.underlying == underlying)

        monkeypatch.setattr(builder_market, "latest_chains", latest)

    followed(live(), live(FAR))
    return followed


def condor():
    wanted = [("BUY", 23_400, "PE"), ("SELL", 23_600, "PE"), ("SELL", 24_400, "CE"), ("BUY", 24_600, "CE")]
    return [{"instrument": key(strike, kind), "side": side, "lots": 1} for side, strike, kind in wanted]


def body(legs=None, **more):
    return {"underlying": "NIFTY", "legs": condor() if legs is None else legs, **more}


def refusal(response, status=400):
    assert response.status_code == status, response.content
    return response.json()["error"]


def has_no_nan(answer):
    json.dumps(answer, allow_nan=False)
    return True


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


# --- refusals


def one_leg(strike=24_000, kind="CE", side="BUY", expiry=NEAR):
    return [{"instrument": key(strike, kind, expiry), "side": side, "lots": 1}]


@pytest.mark.parametrize(
    ("legs", "code", "field"),
    [
        ([], "field.empty", "legs"),
        ([{"side": "BUY", "lots": 1}], "field.required", "legs.0.instrument"),
        ([{"instrument": "NFO:NIFTY99", "side": "BUY", "lots": 1}], "instrument.unknown", "legs.0.instrument"),
        ([{"instrument": "nonsense", "side": "BUY", "lots": 1}], "instrument.unknown", "legs.0.instrument"),
        ([{"instrument": "NSE:RELIANCE", "side": "BUY", "lots": 1}], "leg.not_option", "legs.0.instrument"),
        ([{"instrument": key(24_000, "CE"), "side": "HOLD", "lots": 1}], "field.choice", "legs.0.side"),
        ([{"instrument": key(24_000, "CE"), "side": "BUY", "lots": -1}], "field.too_small", "legs.0.lots"),
        ([{"instrument": key(24_000, "CE"), "side": "BUY", "lots": "1e9"}], "field.invalid", "legs.0.lots"),
        (one_leg() + one_leg(side="SELL"), "leg.twice", "legs.1.instrument"),
    ],
)
def test_wrong_legs_are_refused_with_their_place(ours, follow, legs, code, field):
    a_listed()

    error = refusal(ours.post(EVALUATE, body(legs)))

    assert (error["code"], error["field"]) == (code, field)
    assert "llowed" in error["message"] or code.startswith("field.")


@pytest.mark.parametrize(
    ("what", "value", "side"),
    [
        ("ask", 0.0, "BUY"),
        ("ask", math.nan, "BUY"),
        ("bid", -1.0, "SELL"),
        ("bid", 10_000.0, "SELL"),
        ("ask", math.inf, "BUY"),
    ],
)
def test_a_zero_missing_or_crossed_quote_prices_no_leg(ours, follow, what, value, side):
    quotes = some_quotes(strikes=STRIKES)
    getattr(quotes, what)[CALL, STRIKES.index(24_400.0)] = value
    follow(live(quotes=quotes))

    rows = ours.post(LEGS, body(one_leg(24_400, side=side))).json()
    error = refusal(ours.post(EVALUATE, body(one_leg(24_400, side=side))))

    assert rows["legs"][0]["price"] is None
    assert rows["legs"][0]["why"]
    assert not rows["is_complete"]
    assert (error["code"], error["field"]) == ("leg.unpriced", "legs.0")
    assert set(error["details"]) == {"value", "allowed"}


def test_an_expired_contract_is_refused(ours, follow):
    follow(live(FAR))
    ListedInstrument.objects.filter(expiry=NEAR).update(expiry=date(2026, 8, 17))

    error = refusal(ours.post(EVALUATE, body()))

    assert (error["code"], error["details"]["value"]) == ("leg.expired", "2026-08-17")
    assert error["details"]["allowed"] == ["2026-09-22"]


def test_a_contract_of_another_underlying_or_an_expiry_not_followed_is_refused(ours, follow):
    follow(live())
    assert refusal(ours.post(EVALUATE, body(one_leg(expiry=FAR))))["code"] == "leg.no_chain"

    ListedInstrument.objects.filter(symbol=symbol(24_000, "CE")).update(name="BANKNIFTY")
    assert refusal(ours.post(EVALUATE, body(one_leg())))["code"] == "leg.underlying"


def test_a_strike_outside_the_followed_chain_is_refused(ours, follow):
    follow(live(quotes=some_quotes(strikes=STRIKES[:10])))

    assert refusal(ours.post(EVALUATE, body(one_leg(25_000))))["code"] == "leg.no_strike"


def test_without_spot_and_quotes_there_is_nothing_to_build_on(ours, follow):
    quotes = some_quotes(strikes=STRIKES)
    for cells in (quotes.bid, quotes.last_price):
        cells[:] = math.nan
    follow(live(spot=None, quotes=quotes))

    for path, asked in ((EVALUATE, body(one_leg())), (LEGS, {"underlying": "NIFTY", "template": "iron_condor"})):
        error = refusal(ours.post(path, asked))
        assert (error["code"], error["field"]) == ("chain.no_forward", "underlying")


def test_a_leg_whose_expiry_has_no_volatility_is_refused(ours, follow):
    quotes = some_quotes(strikes=STRIKES)
    quotes.bid[:] = math.nan
    quotes.last_price[:] = math.nan
    follow(live(quotes=quotes))

    assert refusal(ours.post(EVALUATE, body(one_leg())))["code"] == "leg.no_volatility"


def test_a_strike_without_a_volatility_takes_the_fitted_smiles(ours, follow):
    quotes = some_quotes(strikes=STRIKES)
    place = STRIKES.index(24_400.0)
    quotes.bid[CALL, place] = quotes.last_price[CALL, place] = math.nan
    follow(live(quotes=quotes))

    answer = ours.post(EVALUATE, body(one_leg(24_400))).json()

    assert answer["greeks"]["vega"] > 0
    assert has_no_nan(answer)


def test_a_chain_too_thin_for_a_smile_has_no_probability_but_says_why(ours, follow):
    quotes = some_quotes(strikes=STRIKES)
    thin = [place for place in range(len(STRIKES)) if STRIKES[place] not in {23_900.0, 24_000.0, 24_100.0}]
    for cells in (quotes.bid, quotes.ask, quotes.last_price):
        for row in (CALL, PUT):
            cells[row, thin] = math.nan
    follow(live(quotes=quotes))

    answer = ours.post(EVALUATE, body(one_leg())).json()

    assert answer["probability_of_profit"]["value"] is None
    assert "six strikes" in answer["probability_of_profit"]["said"][0]
    assert answer["curve"]["density"] is None


@pytest.mark.parametrize(
    ("underlying", "code", "status"),
    [("RELIANCE", "underlying.no_options", 404), ("NIFTY", "chain.not_followed", 400)],
)
def test_an_underlying_without_options_or_a_followed_chain_is_refused(ours, follow, underlying, code, status):
    follow(known=())
    a_listed()

    for response in (
        ours.get(f"{TEMPLATES}?underlying={underlying}"),
        ours.post(EVALUATE, {**body(), "underlying": underlying}),
    ):
        assert refusal(response, status)["code"] == code


def test_a_chain_of_which_nothing_was_heard_yet_is_refused(ours, follow):
    follow()

    assert refusal(ours.post(EVALUATE, body()))["code"] == "chain.waiting"


def test_a_chain_that_has_run_out_is_refused(ours, follow):
    follow(live(days=0.0))

    assert refusal(ours.get(f"{TEMPLATES}?underlying=NIFTY"))["code"] == "chain.expired"


@pytest.mark.parametrize(
    ("what_if", "field"),
    [
        ({"spot_shift_percent": "NaN"}, "what_if.spot_shift_percent"),
        ({"spot_shift_percent": "-99"}, "what_if.spot_shift_percent"),
        ({"volatility_shift_points": "Infinity"}, "what_if.volatility_shift_points"),
        ({"days": "-1"}, "what_if.days"),
        ({"dayz": "1"}, "what_if.dayz"),
    ],
)
def test_a_what_if_that_is_no_place_is_refused(ours, follow, what_if, field):
    assert refusal(ours.post(EVALUATE, body(what_if=what_if)))["field"] == field


def test_whoever_is_not_signed_in_gets_nothing(anybody):
    assert anybody.post(EVALUATE, body(), format="json").status_code == 401


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


def test_anothers_account_is_not_asked(ours, theirs, follow):
    assert refusal(ours.post(MARGIN, body(account=str(theirs.account.id))), 404)["code"] == "account.unknown"


def test_without_an_account_the_estimate_says_so(ours, follow):
    ours.account.delete()

    assert "No account" in ours.post(MARGIN, body()).json()["said"]


# --- saved


def a_saved(caller, name="Weekly condor", **more):
    return caller.post(SAVED, {"name": name, "underlying": "NIFTY", "legs": condor(), **more})


def test_a_combination_is_saved_listed_and_deleted(ours):
    made = a_saved(ours).json()

    listed = ours.get(SAVED).json()
    assert (listed["count"], listed["results"][0]["id"]) == (1, made["id"])
    assert listed["results"][0]["legs"] == condor()
    assert ours.client.delete(f"{SAVED}?id={made['id']}").json() == {"id": made["id"], "state": "deleted"}
    assert ours.get(SAVED).json()["count"] == 0


def test_a_name_is_replaced_only_when_that_is_wanted(ours):
    first = a_saved(ours).json()

    assert refusal(a_saved(ours))["code"] == "combination.exists"
    again = a_saved(ours, replace=True, legs=one_leg())
    assert again.status_code == 201
    assert again.json()["id"] == first["id"]
    assert Combination.objects.get().legs == one_leg()


def test_a_repeated_save_under_its_key_is_answered_again(ours):
    asked = {"name": "Weekly condor", "underlying": "NIFTY", "legs": condor()}

    first, second = (ours.post(SAVED, asked, Idempotency_Key="one") for _ in range(2))

    assert first.json() == second.json()
    assert Combination.objects.count() == 1


def test_strangers_neither_see_nor_delete_anothers_combination(ours, theirs):
    made = a_saved(ours).json()

    assert theirs.get(SAVED).json()["count"] == 0
    response = theirs.client.delete(f"{SAVED}?id={made['id']}")
    assert refusal(response, 404)["code"] == "combination.unknown"
    assert Combination.objects.count() == 1
    assert a_saved(theirs).status_code == 201


def test_a_viewer_may_look_but_neither_save_nor_delete(ours):
    made = a_saved(ours).json()
    viewer = client_of(a_member(ours.desk, Role.VIEWER))

    assert viewer.get(SAVED).json()["count"] == 1
    assert refusal(viewer.delete(f"{SAVED}?id={made['id']}"), 403)["code"] == "role.insufficient"
    response = viewer.post(SAVED, {"name": "x", "underlying": "NIFTY", "legs": condor()}, format="json")
    assert refusal(response, 403)["code"] == "role.insufficient"


def test_a_viewer_may_see_what_legs_come_to(ours, follow):
    viewer = client_of(a_member(ours.desk, Role.VIEWER), may_trade=False)

    assert viewer.post(EVALUATE, body(), format="json").status_code == 200
    assert viewer.post(LEGS, body(), format="json").json()["is_complete"]


def test_a_desk_saves_so_many_and_no_more(ours, monkeypatch):
    monkeypatch.setattr("options.builder_saved.MOST_SAVED", 1)
    a_saved(ours)

    assert refusal(a_saved(ours, name="Another"))["code"] == "combination.too_many"


@pytest.mark.parametrize("name", ["", " ", "x" * 61])
def test_a_combination_has_a_name(ours, name):
    assert refusal(a_saved(ours, name=name))["field"] == "name"
