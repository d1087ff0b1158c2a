"""What the gate does not ask, because it could object to nothing: such a rule keeps silent whatever the figures are."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.domain.orders import Product, Side
from risk.domain.gate import _LIMIT_NEEDED, _OF_LISTS, _OF_PERPETUALS
from risk.domain.limits import REQUIRED
from risk.domain.reach import HeldRows, Reaches
from risk.domain.rules import ENTRY_RULES
from risk.domain.size_rules import SIZE_RULES
from tests.risk.builders import RELIANCE, a_holding, a_pending, a_view, an_instrument, an_intent, an_option, some_limits

RULES = dict(ENTRY_RULES) | {rule.name: rule.objection for rule in SIZE_RULES}
intents = st.builds(
    lambda quantity, side, product: an_intent(quantity, side=side, product=product, trigger_price=Decimal(90)),
    st.integers(1, 10**9).map(str),
    st.sampled_from(list(Side)),
    st.sampled_from(list(Product)),
)
views = st.builds(
    lambda instrument, held, waiting: a_view(
        instrument=instrument, holdings=(a_holding(held),), pending=(a_pending(waiting),), quote=None, nav=None
    ),
    st.sampled_from([an_instrument(), an_option()]),
    st.integers(-100, 100).map(str),
    st.integers(1, 100).map(str),
)


def test_every_rule_that_may_be_left_unasked_is_a_rule_of_the_gate():
    assert set(_LIMIT_NEEDED) | _OF_LISTS | _OF_PERPETUALS <= set(RULES)


@pytest.mark.parametrize("name", sorted(n for n, limit in _LIMIT_NEEDED.items() if limit not in REQUIRED))
@given(intent=intents, view=views)
def test_a_rule_without_its_limit_keeps_silent(name, intent, view):
    assert RULES[name](intent, view, some_limits()) is None


@pytest.mark.parametrize("name", sorted(_OF_LISTS | _OF_PERPETUALS))
@given(intent=intents, view=views)
def test_a_rule_of_lists_and_of_perpetual_contracts_keeps_silent_of_others(name, intent, view):
    assert RULES[name](intent, view, some_limits()) is None


@given(held=st.lists(st.tuples(st.integers(-50, 50), st.sampled_from(["NSE:A", "NSE:B", RELIANCE])), max_size=6))
def test_what_is_held_comes_to_the_same_summed_once_and_summed_anew(held):
    rows = tuple(a_holding(str(quantity), instrument=key) for quantity, key in held)
    pending = (a_pending("7"), a_pending("9", side=Side.SELL, instrument="NSE:A"))
    once = HeldRows(rows)

    first, second, anew = Reaches(once, pending), Reaches(once, ()), Reaches(rows, pending)

    worth = {
        key: sum(row.value_quote for row in rows if row.instrument == key) for key in {row.instrument for row in rows}
    }
    assert second.net.held_quote == sum(worth.values())
    assert second.gross_quote == sum(abs(value) for value in worth.values())
    assert (first.net, first.gross_quote) == (anew.net, anew.gross_quote)


@given(held=st.integers(-50, 50), bought=st.integers(1, 50), sold=st.integers(1, 50))
def test_an_instrument_by_its_rows_is_what_it_is_by_its_name(held, bought, sold):
    pending = (a_pending(str(bought)), a_pending(str(sold), side=Side.SELL, deployment="D2"))
    view = a_view(holdings=(a_holding(str(held)), a_holding("5", instrument="NSE:SBIN")), pending=pending)

    assert view.position_quote == view.reaches.worst_of(frozenset({RELIANCE}))
    assert replace(view).underlying_quote == view.position_quote
