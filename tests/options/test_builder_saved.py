"""Combinations kept under a name, and whose they are."""

import pytest

from accounts.models import Role
from options.builder_models import Combination
from tests.api.conftest import client_of
from tests.options.builder_site import EVALUATE, LEGS, SAVED, body, condor, one_leg, refusal
from tests.people import a_member

pytestmark = pytest.mark.django_db


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
