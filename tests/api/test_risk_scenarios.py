"""The grid of a book: options at their strike's volatility, the rest at its price, and what cannot be valued."""

import pytest

from options.selectors import latest_chains
from tests.api.conftest import Caller
from tests.options.kept import a_desk_leaves, a_tracked, list_options
from tests.people import a_position_row

pytestmark = pytest.mark.django_db


@pytest.fixture
def with_chain(ours):
    list_options()
    a_tracked(ours)
    a_desk_leaves(ours)
    return ours


def an_option(caller):
    """Return the key of the listed call nearest the money."""
    live = latest_chains(caller.user, "NIFTY")[0]
    return live.instruments[live.chain.atm_strike, "CE"]


def grid(caller, book="paper"):
    return caller.get(f"/api/risk/scenarios?account={caller.account.id}&book={book}").json()


def test_a_bought_call_gains_where_the_index_rises_and_loses_with_time(with_chain):
    a_position_row(with_chain.account, instrument=an_option(with_chain), quantity=65, product="NRML")

    answer = grid(with_chain)

    ((group,), moves, shifts) = (answer["groups"], answer["moves"], answer["shifts"])
    today = group["cells"][0]
    still, up, down = moves.index(0.0), moves.index(0.04), moves.index(-0.04)
    flat = today[shifts.index(0.0)]
    assert (group["underlying"], answer["unpriced"]) == ("NIFTY", [])
    assert flat[still] == 0
    assert flat[down] < 0 < flat[up]
    assert today[shifts.index(0.02)][still] > 0
    assert group["cells"][1][shifts.index(0.0)][still] < 0
    assert group["worst"] == min(cell for plane in group["cells"] for row in plane for cell in row)
    assert group["delta"] > 0


def test_an_option_whose_chain_is_not_followed_is_named_and_left_out(ours):
    list_options()
    key = "NFO:NIFTY26NOV1CE"
    a_position_row(ours.account, instrument="NSE:RELIANCE", quantity=10)
    a_position_row(ours.account, instrument=key, quantity=65)

    answer = grid(ours)

    assert answer["groups"] == []
    assert {row["instrument"] for row in answer["unpriced"]} == {"NSE:RELIANCE", key}


def test_a_book_without_positions_has_no_grid(with_chain):
    assert (grid(with_chain)["groups"], grid(with_chain, "live")["unpriced"]) == ([], [])


def test_a_grid_of_anothers_account_does_not_exist(with_chain):
    stranger = Caller()

    answer = stranger.get(f"/api/risk/scenarios?account={with_chain.account.id}")

    assert answer.status_code == 404
