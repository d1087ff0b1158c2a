from datetime import date

import pytest

from accounts.models import AuditEvent, Role
from execution.basket_models import Basket
from execution.models import Command, JournalEvent
from tests.api.conftest import Caller, client_of
from tests.people import NOON, a_listed, a_member, an_account

pytestmark = pytest.mark.django_db
CALL, PUT, GONE = "NFO:NIFTY26NOV24000CE", "NFO:NIFTY26NOV23000PE", "NFO:NIFTY26JAN24000CE"


@pytest.fixture(autouse=True)
def _listed(db):
    a_listed()
    a_listed("NIFTY 50", kind="INDEX", lot_size=0)
    for name, expiry in ((CALL, date(2026, 11, 24)), (PUT, date(2026, 11, 24)), (GONE, date(2026, 1, 27))):
        a_listed(name.partition(":")[2], exchange="NFO", kind=name[-2:], name="NIFTY", lot_size=75, expiry=expiry)
    a_listed("BTCUSDT", exchange="ASTER", venue="aster", kind="PERP", quantity_step="0.001")


def a_leg(instrument=CALL, **changes):
    leg = {"instrument": instrument, "side": "BUY", "quantity": "75", "type": "LIMIT", "price": "101.50"}
    return {**leg, "product": "NRML", **changes}


def a_basket(*legs, **changes):
    return {"policy": "unwind", "legs": list(legs or (a_leg(),)), **changes}


def refusal(answer):
    error = answer.json()["error"]
    return answer.status_code, error["code"], error.get("field")


def test_asks_the_desk_and_shows_the_basket_at_once(ours):
    answer = ours.post("/api/baskets", a_basket(a_leg(), a_leg(PUT, side="SELL"), name="Risk reversal"))

    command, basket = Command.objects.get(), Basket.objects.get()
    shown = ours.get(f"/api/baskets?id={basket.pk}").json()["results"][0]
    assert (answer.status_code, answer.json()) == (202, {"id": str(command.pk), "state": "accepted"})
    assert (command.kind, command.payload["instruments"], command.payload["mode"]) == (
        "basket_send",
        [CALL, PUT],
        "paper",
    )
    assert command.payload["legs"][0] == {
        "instrument": CALL,
        "side": "BUY",
        "quantity": "75",
        "type": "LIMIT",
        "product": "NRML",
        "price": "101.5",
    }
    assert (shown["name"], shown["state"], shown["reason"]) == ("Risk reversal", "pending", "waiting for the desk")
    assert [leg["status"] for leg in shown["legs"]] == ["WAITING", "WAITING"]


def test_the_same_key_asks_once(ours):
    first = ours.post("/api/baskets", a_basket(), Idempotency_Key="one")
    again = ours.post("/api/baskets", a_basket(), Idempotency_Key="one")
    other = ours.post("/api/baskets", a_basket(policy="hold"), Idempotency_Key="one")

    assert first.json() == again.json()
    assert (Command.objects.count(), Basket.objects.count()) == (1, 1)
    assert other.status_code == 409


def test_is_in_the_audit_chain(ours):
    ours.post("/api/baskets", a_basket())

    event = AuditEvent.objects.get(action="command.basket_send")
    assert (event.actor, event.subject) == (ours.user, str(Command.objects.get().pk))


@pytest.mark.parametrize(
    ("leg", "status", "code", "field"),
    [
        (a_leg("NFO:NOTHING26NOVCE"), 404, "instrument.not_found", "legs.0.instrument"),
        (a_leg("NIFTY"), 400, "instrument.name", "legs.0.instrument"),
        (a_leg(":"), 400, "instrument.name", "instruments"),
        (a_leg(GONE), 400, "instrument.expired", "legs.0.instrument"),
        (a_leg("NSE:NIFTY 50"), 400, "instrument.not_tradable", "legs.0.instrument"),
        (a_leg(quantity="70"), 400, "order.lot", "legs.0.quantity"),
        (a_leg(quantity="0"), 400, "field.too_small", "legs.0.quantity"),
        (a_leg(quantity="NaN"), 400, "field.invalid", "legs.0.quantity"),
        (a_leg(price="101.52"), 400, "order.tick", "legs.0.price"),
        (a_leg(price="-5"), 400, "order.price", "legs.0.price"),
        (a_leg(price=None), 400, "order.price", "legs.0.price"),
        (a_leg(type="MARKET"), 400, "order.price", "legs.0.price"),
        (a_leg(type="SL"), 400, "field.choice", "legs.0.type"),
        (a_leg(product="CNC"), 400, "order.product", "legs.0.product"),
        (a_leg("NSE:RELIANCE"), 400, "order.product", "legs.0.product"),
        (a_leg("ASTER:BTCUSDT"), 400, "basket.venue", "legs"),
        (a_leg(side="HOLD"), 400, "field.choice", "legs.0.side"),
        (a_leg(strike=1), 400, "field.unknown", "legs.0.strike"),
    ],
)
def test_a_wrong_leg_is_named(ours, leg, status, code, field):
    JournalEvent.objects.create(
        account=ours.account, seq=1, at=NOON, kind="day", payload={"venue_day": "2026-11-20"}, lease_token=1
    )

    answer = ours.post("/api/baskets", a_basket(leg))

    assert refusal(answer) == (status, code, field)
    assert not Command.objects.exists()


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        (a_basket(legs=[]), "field.too_short", "legs"),
        (a_basket(*[a_leg()] * 21), "field.too_long", "legs"),
        (a_basket(a_leg(), a_leg(side="SELL")), "basket.duplicate", "legs.1.instrument"),
        (a_basket(a_leg(), a_leg("ASTER:BTCUSDT")), "basket.venues", "legs"),
        (a_basket(a_leg(), a_leg(PUT, product="MIS")), "basket.products", "legs"),
        (a_basket(policy="pray"), "field.choice", "policy"),
        ({"legs": [a_leg()]}, "field.required", "policy"),
        (a_basket(deadline_s=4), "field.too_small", "deadline_s"),
        (a_basket(deadline_s=901), "field.too_large", "deadline_s"),
        (a_basket(mode="dream"), "field.choice", "mode"),
        (a_basket(spam=1), "field.unknown", "spam"),
    ],
)
def test_a_wrong_basket_is_refused(ours, body, code, field):
    answer = ours.post("/api/baskets", body)

    assert refusal(answer)[1:] == (code, field)
    assert answer.status_code == 400
    assert not Command.objects.exists()


def test_real_money_is_not_sent_by_a_key(db, fresh_redis):
    real = Caller(is_simulated=False, is_live=True)

    answer = real.post("/api/baskets", a_basket(mode="live"))

    assert refusal(answer)[:2] == (403, "risk.loosening")


def test_an_account_on_paper_sends_nothing_live(db, fresh_redis):
    caller = Caller(is_simulated=False, is_live=False)

    live = caller.post("/api/baskets", a_basket(a_leg("NSE:RELIANCE", product="CNC"), mode="live"))
    paper = caller.post("/api/baskets", a_basket(a_leg("NSE:RELIANCE", product="CNC")))

    assert refusal(live)[:2] == (400, "account.not_live")
    assert paper.status_code == 202


def test_who_may_only_look_sends_nothing(ours):
    viewer = a_member(ours.desk, role=Role.VIEWER)

    answer = client_of(viewer).post("/api/baskets", a_basket(account=str(ours.account.pk)), format="json")

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "role.insufficient")


def test_with_several_accounts_one_is_named(ours):
    an_account(ours.desk)

    assert refusal(ours.post("/api/baskets", a_basket()))[1:] == ("account.required", "account")


def test_others_baskets_do_not_exist(ours, theirs):
    ours.post("/api/baskets", a_basket())
    basket = Basket.objects.get()

    assert theirs.get("/api/baskets").json()["count"] == 0
    assert theirs.get(f"/api/baskets?id={basket.pk}").status_code == 404
    assert theirs.post("/api/baskets/unwind", {"id": str(basket.pk)}).status_code == 404


def test_takes_a_basket_back(ours):
    ours.post("/api/baskets", a_basket())
    basket = Basket.objects.get()

    answer = ours.post("/api/baskets/unwind", {"id": str(basket.pk)})

    command = Command.objects.get(kind="basket_unwind")
    assert (answer.status_code, answer.json()["id"]) == (202, str(command.pk))
    assert command.payload == {"basket_id": str(basket.pk)}


def test_lists_baskets_newest_first_in_two_queries(ours, django_assert_max_num_queries):
    for name in ("one", "two"):
        ours.post("/api/baskets", a_basket(name=name))

    with django_assert_max_num_queries(8):
        answer = ours.get("/api/baskets?limit=5").json()

    assert [row["name"] for row in answer["results"]] == ["two", "one"]


def test_the_schema_says_what_a_basket_promises(ours):
    schema = ours.get("/api/schema", Accept="application/vnd.oai.openapi+json").json()

    said = schema["paths"]["/api/baskets"]
    assert "takes back what filled" in said["post"]["description"]
    assert "unwinding" in said["get"]["description"]
