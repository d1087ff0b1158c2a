import dataclasses
import json
import types
import typing
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.domain.errors import DataError
from brokers.domain.orders import OrderIntent
from execution.domain.codec import encode
from execution.domain.commands import Record
from execution.domain.records import FACTS, CommandEnded, fact_of, record_of
from tests.builders import TEN_O_CLOCK, an_intent

DECIMALS = st.decimals(min_value=Decimal("0.01"), max_value=Decimal("1e9"), places=2)
TIMES = st.integers(0, 10**12).map(lambda us: TEN_O_CLOCK + timedelta(microseconds=us))
PLAIN = {
    bool: st.booleans(),
    int: st.integers(0, 2**60),
    float: st.floats(-1, 1),
    str: st.text(max_size=20),
    Decimal: DECIMALS,
    datetime: TIMES,
    OrderIntent: st.builds(an_intent, quantity=st.integers(1, 10**6), at=TIMES),
}


def values(hint):
    """Draw any value of a field's type."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        [kind] = [a for a in arguments if a is not type(None)]
        return st.none() | values(kind)
    if origin is tuple:
        return st.lists(values(arguments[0]), max_size=3).map(tuple)
    if origin is not None:
        return st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    if dataclasses.is_dataclass(hint) and hint not in PLAIN:
        return facts(hint)
    return PLAIN[hint]


def facts(kind):
    hints = typing.get_type_hints(kind)
    return st.builds(kind, **{f.name: values(hints[f.name]) for f in dataclasses.fields(kind)})


@given(st.sampled_from(list(FACTS.values())).flatmap(facts))
def test_every_fact_survives_the_journal(fact):
    record = record_of(fact, TEN_O_CLOCK)

    stored = Record(kind=record.kind, at=record.at, payload=json.loads(json.dumps(record.payload)))

    assert fact_of(stored) == fact


def test_prices_and_times_are_written_as_text():
    written = encode(an_intent(price="101.20"))

    assert written["price"] == "101.20"
    assert written["decided_at"] == "2026-07-14T04:30:00.000000Z"


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("gossip", {}),
        ("command", {"command_id": "c", "ok": True, "outcome": "", "extra": 1}),
        ("command", {"command_id": "c"}),
        ("command", []),
        ("look_up", {"client_id": "c", "started_at": "yesterday"}),
        ("outcome", {"client_id": "c", "write": "place", "result": "perhaps"}),
    ],
)
def test_a_row_that_cannot_be_read_stops_recovery(kind, payload):
    with pytest.raises(DataError):
        fact_of(Record(kind=kind, at=TEN_O_CLOCK, payload=payload))


def test_what_has_no_place_in_the_journal_is_refused():
    with pytest.raises(DataError):
        encode(object())


def test_a_fact_knows_its_kind():
    assert record_of(CommandEnded(command_id="c", ok=True, outcome=""), TEN_O_CLOCK).kind == "command"
