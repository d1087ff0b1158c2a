"""The builder on a chain as the desk leaves it: a template, what it comes to, and whose it is."""

import json
from decimal import Decimal

import pytest

from tests.options.frames import LOT
from tests.options.kept import a_desk_leaves, a_tracked, list_options

pytestmark = pytest.mark.django_db

BUILDER = "/api/options/builder"


@pytest.fixture
def followed(ours):
    list_options()
    return a_tracked(ours)


def test_a_condor_of_the_followed_chain_is_built_and_comes_to_its_credit(ours, followed):
    a_desk_leaves(ours)

    built = ours.post(f"{BUILDER}/legs", {"underlying": "NIFTY", "template": "iron_condor"}).json()
    legs = [{name: leg[name] for name in ("instrument", "side", "lots")} for leg in built["legs"]]
    answer = ours.post(f"{BUILDER}/evaluate", {"underlying": "NIFTY", "legs": legs}).json()

    assert {leg["quantity"] for leg in answer["legs"]} == {str(LOT)}
    assert Decimal(answer["net_premium"]) == sum(Decimal(leg["value"]) for leg in answer["legs"])
    assert answer["age_s"] >= 0
    json.dumps(answer, allow_nan=False)


def test_what_another_follows_is_nobody_elses(ours, theirs, followed):
    a_desk_leaves(ours)

    answer = theirs.get(f"{BUILDER}/templates?underlying=NIFTY")

    assert answer.json()["error"]["code"] == "chain.not_followed"


def test_a_chain_that_was_not_heard_yet_says_so(ours, followed):
    answer = ours.get(f"{BUILDER}/templates?underlying=NIFTY")

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "chain.waiting")
