import re
from decimal import Decimal

import pytest

from brokers.domain.errors import Invalid, NotFound
from strategies.domain import schema_for
from strategies.library.ema_crossover import EmaCrossover
from strategies.library.vwap_breakout import VwapBreakout
from strategies.registry import strategies_all, strategy_for


def wrong_field(cls, **params):
    with pytest.raises(Invalid) as caught:
        cls.Params.parse(params)
    return caught.value


def test_defaults_are_the_documented_ones():
    params = EmaCrossover.Params.parse({})

    assert (params.fast, params.slow, params.bar_minutes, params.direction) == (9, 21, 1, "long")


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"fast": -3}, "params.fast"),
        ({"fast": "many"}, "params.fast"),
        ({"slow": 401}, "params.slow"),
        ({"fast": 21, "slow": 21}, "params.fast"),
        ({"bar_minutes": 0}, "params.bar_minutes"),
        ({"order_value_quote": "NaN"}, "params.order_value_quote"),
        ({"order_value_quote": "-1"}, "params.order_value_quote"),
        ({"product": "BO"}, "params.product"),
        ({"direction": "both", "product": "CNC"}, "params.direction"),
        ({"quick": 3}, "params.quick"),
    ],
)
def test_a_wrong_parameter_is_named(params, field):
    assert wrong_field(EmaCrossover, **params).field == field


def test_an_unknown_parameter_has_its_own_code():
    error = wrong_field(EmaCrossover, quick=3)

    assert (error.code, error.message) == ("params.unknown", "there is no parameter named quick")


def test_a_contradiction_is_told_with_both_numbers():
    assert wrong_field(EmaCrossover, fast=30, slow=20).message == "fast (30) must be below slow (20)"


def test_a_form_s_texts_become_numbers():
    params = EmaCrossover.Params.parse({"fast": "5", "order_value_quote": "50000.50"})

    assert (params.fast, params.order_value_quote) == (5, Decimal("50000.50"))


def test_parameters_survive_the_way_through_json():
    params = VwapBreakout.Params.parse({"atr_multiple": 0.5, "direction": "both"})

    assert VwapBreakout.Params.parse(params.as_json()) == params


def test_a_strategy_takes_only_its_own_parameters():
    with pytest.raises(TypeError, match="its own Params"):
        EmaCrossover(VwapBreakout.Params(), None)


@pytest.mark.parametrize("strategy", strategies_all(), ids=lambda cls: cls.slug)
def test_every_parameter_has_a_help_and_a_kind_for_its_form(strategy):
    schema = schema_for(strategy)

    assert schema["summary"].endswith(".")
    assert all(field["help"] and field["kind"] in {"integer", "number", "choice"} for field in schema["params"])


def test_the_form_knows_bounds_choices_and_defaults():
    fields = {field["name"]: field for field in schema_for(EmaCrossover)["params"]}

    assert (fields["fast"]["minimum"], fields["fast"]["maximum"], fields["fast"]["default"]) == (2, 200, 9)
    assert fields["direction"]["choices"] == ["long", "both"]
    assert fields["order_value_quote"]["kind"] == "number"


def test_a_step_reaches_the_form():
    fields = {field["name"]: field for field in schema_for(VwapBreakout)["params"]}

    assert fields["atr_multiple"]["step"] == 0.05


def test_strategies_are_found_by_their_short_names():
    assert [strategy_for(cls.slug) for cls in strategies_all()] == list(strategies_all())


def test_an_unknown_strategy_names_the_field():
    with pytest.raises(NotFound) as caught:
        strategy_for("no-such")

    assert caught.value.field == "strategy"


@pytest.mark.parametrize(
    ("field", "given", "sentence"),
    [
        ("fast", "abc", "fast must be a whole number, not 'abc'"),
        ("fast", 500, "fast must be at most 200, not '500'"),
        ("direction", "up", "direction must be 'long' or 'both', not 'up'"),
        ("order_value_quote", 0, "order_value_quote must be above 0, not '0'"),
    ],
)
def test_a_refusal_names_the_value_and_what_is_allowed(field, given, sentence):
    with pytest.raises(Invalid, match=re.escape(sentence)):
        EmaCrossover.Params.parse({field: given})
