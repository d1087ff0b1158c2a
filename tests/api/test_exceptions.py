from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client

from accounts.models import AuditEvent, Role
from accounts.services import membership_set
from execution.models import Command, Discrepancy, JournalEvent
from tests.api.conftest import client_of
from tests.people import NOON, a_member, a_position_row, an_account, an_order_row

pytestmark = pytest.mark.django_db
KEY = "NSE:RELIANCE"
HELD = f"{KEY} MIS: the journal holds 7, the venue 9"
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


def an_exception(account, kind="position", subject=KEY, **fields):
    sentence = fields.pop("sentence", f"{subject} MIS: the journal holds 0, the venue 10")
    return Discrepancy.objects.create(
        account=account, kind=kind, subject=subject, sentence=sentence, found_at=NOON, **fields
    )


def shown(caller, query=""):
    return caller.get(f"/api/exceptions{query}").json()["results"]


def settle(caller, row, choice, reason="seen in the broker's app", quantity=None, **headers):
    body = {"id": str(row.pk), "choice": choice, "reason": reason} | ({"quantity": quantity} if quantity else {})
    return caller.post("/api/exceptions/settle", body, **headers)


def refusal(answer):
    error = answer.json()["error"]
    return answer.status_code, error["code"], error.get("field")


def test_lists_what_where_since_when_and_the_evidence(ours, theirs):
    row = an_exception(ours.account, sentence=HELD)
    an_exception(theirs.account)
    a_position_row(ours.account, book="live", quantity=7)
    payload = {"kind": "position", "subject": KEY, "sentence": row.sentence, "resolved": False}
    JournalEvent.objects.create(
        account=ours.account, seq=41, at=NOON, kind="discrepancy", payload=payload, lease_token=1
    )

    [told] = shown(ours)

    assert (told["id"], told["account"], told["instrument"]) == (str(row.pk), str(ours.account.pk), KEY)
    assert (told["found_at"], told["journal_seq"]) == ("2026-08-18T06:30:00.000000Z", 41)
    assert [position["quantity"] for position in told["positions"]] == ["7"]
    assert [choice["choice"] for choice in told["choices"]] == ["flatten", "accept"]
    assert told["choices"][0]["consequence"].endswith("+7.")


def test_an_order_is_evidence_by_its_own_id_and_by_the_venues(ours):
    order = an_order_row(ours.account, origin="EXTERNAL", client_id="EXT-77", venue_order_id="77", status="OPEN")
    an_exception(ours.account, "external_order", "77")
    an_exception(ours.account, "contradiction", "EXT-77")

    rows = shown(ours)

    assert {row["order"]["id"] for row in rows} == {str(order.pk)}
    assert {row["kind"]: [c["choice"] for c in row["choices"]] for row in rows} == {
        "external_order": ["cancel", "accept"],
        "contradiction": ["accept"],
    }


def test_what_was_settled_is_listed_apart_and_offers_nothing(ours):
    an_exception(ours.account, resolved_at=NOON + timedelta(hours=1), resolution="accepted by Asha: by hand")

    [told] = shown(ours, "?state=settled")

    assert shown(ours) == []
    assert (told["resolution"], told["choices"]) == ("accepted by Asha: by hand", [])


def test_accepting_asks_the_desk_with_the_persons_name_and_is_audited(ours):
    ours.user.name = "Asha"
    ours.user.save()
    row = an_exception(ours.account)

    answer = settle(ours, row, "accept")

    command = Command.objects.get()
    assert (answer.status_code, answer.json()) == (202, {"id": str(command.pk), "state": "accepted"})
    assert (command.kind, command.requested_by) == ("resolve", ours.user)
    assert command.payload == {
        "kind": "position",
        "subject": KEY,
        "reason": "seen in the broker's app",
        "by": "Asha",
    }
    assert AuditEvent.objects.get(action="command.resolve").actor == ours.user


def test_the_same_key_decides_once(ours):
    row = an_exception(ours.account)

    answers = [settle(ours, row, "accept", Idempotency_Key="one").json() for _ in range(2)]

    assert (answers[0], Command.objects.count()) == (answers[1], 1)


def test_adopting_and_settling_name_what_they_are_about(ours):
    order = an_order_row(ours.account, status="UNKNOWN")

    settle(ours, an_exception(ours.account), "adopt", quantity="10.0")
    settle(ours, an_exception(ours.account, "unknown", order.client_id), "not_placed")

    adopted, settled = Command.objects.order_by("kind")
    named = {name: adopted.payload[name] for name in ("instrument", "product", "quantity")}
    assert (adopted.kind, named) == ("adopt", {"instrument": KEY, "product": "MIS", "quantity": "10"})
    assert (settled.kind, settled.payload["client_id"], settled.payload["verdict"]) == (
        "settle_order",
        order.client_id,
        "not_placed",
    )


def test_flattening_is_the_desks_own_exit_of_each_position(ours):
    a_position_row(ours.account, book="live", quantity=Decimal(-5))
    a_position_row(ours.account, book="live", quantity=Decimal(5), product="NRML")
    a_position_row(ours.account, book="paper", quantity=Decimal(9), strategy_key="x")

    answer = settle(ours, an_exception(ours.account, "external_order"), "flatten", reason="")

    assert answer.status_code == 202
    exits = Command.objects.order_by("requested_at")
    assert {(one.kind, one.payload["book"], one.payload["product"]) for one in exits} == {
        ("exit_position", "live", "MIS"),
        ("exit_position", "live", "NRML"),
    }


def choices_of(caller):
    [told] = shown(caller)
    return {choice["choice"]: choice["quantity"] for choice in told["choices"]}


def test_adopting_is_offered_where_the_venue_alone_holds_it_and_nothing_works(ours):
    row = an_exception(ours.account)
    assert choices_of(ours) == {"adopt": "10", "accept": None}
    assert refusal(settle(ours, row, "adopt")) == (400, "exception.changed", "quantity")
    assert refusal(settle(ours, row, "adopt", quantity="11")) == (400, "exception.changed", "quantity")

    order = an_order_row(ours.account, book="live")
    assert choices_of(ours) == {"accept": None}
    assert refusal(settle(ours, row, "adopt", quantity="10")) == (400, "exception.choice", "choice")
    order.delete()
    a_position_row(ours.account, book="live", product="NRML", quantity=1)
    assert choices_of(ours) == {"flatten": None, "accept": None}
    assert not Command.objects.exists()


@pytest.mark.parametrize(
    ("others", "sentence", "is_offered"),
    [
        (-7, f"{KEY} MIS: the journal holds 0, the venue 3", False),
        (0, f"{KEY} MIS: the journal holds 7, the venue 0", False),
        (0, f"{KEY} MIS: the journal holds 7, the venue -2", False),
        (-3, f"{KEY} MIS: the journal holds 4, the venue 2", True),
    ],
)
def test_flattening_is_offered_where_something_is_held_net_of_all_holders(ours, others, sentence, is_offered):
    an_exception(ours.account, sentence=sentence)
    a_position_row(ours.account, book="live", quantity=7, strategy_key="s")
    a_position_row(ours.account, book="live", quantity=others)

    assert ("flatten" in choices_of(ours)) is is_offered


def test_what_the_desk_answered_stands_beside_the_entry(ours):
    row = an_exception(ours.account, subject="NSE:INFY")
    other = an_exception(ours.account, "contradiction", an_order_row(ours.account).client_id)
    settle(ours, row, "adopt", quantity="10")
    settle(ours, other, "accept")
    Command.objects.filter(kind="adopt").update(state="failed", outcome="no price of NSE:INFY is known")

    asked = {told["id"]: told["asked"] for told in shown(ours)}

    assert (asked[str(row.pk)]["state"], asked[str(row.pk)]["outcome"]) == ("failed", "no price of NSE:INFY is known")
    assert asked[str(other.pk)]["state"] == "accepted"


def test_an_order_placed_by_hand_can_be_cancelled(ours):
    an_order_row(ours.account, origin="EXTERNAL", client_id="EXT-77", venue_order_id="77", status="OPEN")

    settle(ours, an_exception(ours.account, "external_order", "77"), "cancel", reason="")

    assert (Command.objects.get().kind, Command.objects.get().payload) == ("cancel_order", {"client_id": "EXT-77"})


@pytest.mark.parametrize(
    ("kind", "choice", "reason", "expected"),
    [
        ("position", "accept", "  ", (400, "field.required", "reason")),
        ("position", "flatten", "", (400, "exception.choice", "choice")),
        ("throttled", "accept", "why not", (400, "exception.choice", "choice")),
        ("position", "pray", "", (400, "field.choice", "choice")),
    ],
)
def test_what_is_not_offered_or_not_explained_is_refused(ours, kind, choice, reason, expected):
    row = an_exception(ours.account, kind)

    assert refusal(settle(ours, row, choice, reason)) == expected
    assert not Command.objects.exists()


def test_what_is_settled_is_not_settled_again(ours):
    row = an_exception(ours.account, resolved_at=NOON)

    assert refusal(settle(ours, row, "accept")) == (400, "exception.settled", "id")


def test_a_stranger_finds_nothing_and_a_viewer_may_not_decide(ours, theirs):
    row = an_exception(ours.account)
    viewer = client_of(a_member(ours.desk))

    assert refusal(settle(theirs, row, "accept"))[:2] == (404, "exception.unknown")
    body = {"id": str(row.pk), "choice": "accept", "reason": "x"}
    assert viewer.post("/api/exceptions/settle", body, format="json").status_code == 403
    assert len(viewer.get("/api/exceptions").json()["results"]) == 1


def test_a_key_settles_no_difference_of_real_money_and_may_still_flatten(ours):
    real = an_account(ours.desk, is_simulated=False, is_live=True)
    membership_set(desk=ours.desk, user=ours.user, role=Role.OWNER, at=NOON, by=None)
    row = an_exception(real, sentence=HELD)
    a_position_row(real, book="live")

    assert settle(ours, row, "accept").status_code == 403
    assert settle(ours, row, "flatten", "").status_code == 202


def test_listing_costs_the_same_for_many(ours, django_assert_num_queries):
    from execution.exceptions import exception_rows

    for number in range(5):
        an_exception(ours.account, subject=f"NSE:S{number}")
        an_exception(ours.account, "contradiction", an_order_row(ours.account).client_id)

    with django_assert_num_queries(7):
        assert len(exception_rows(ours.user)) == 10


def test_the_page_says_who_may_act(ours):
    client = Client()
    assert client.get("/exceptions").status_code == 302
    client.force_login(ours.user, backend=BACKEND)

    answer = client.get("/exceptions")

    assert '"may_act": true' in answer.content.decode()
