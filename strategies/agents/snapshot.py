"""The feature snapshot: every number that a decision may read, each with its age and where it came from.

Its bytes are canonical: equal facts give equal bytes and one digest, whichever process made them.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from brokers.domain.errors import DataError, Invalid
from brokers.domain.market import NANOSECONDS, Bars, ns_of
from strategies.agents.columns import BAR_FIELDS, WARMUP_BARS, columns_of

# more would keep the last bits of a library's summation, which another processor may set otherwise
DIGITS = 10

# beside the bars: what the market shows now, and what the account holds
MARKET_FIELDS = (
    "bid",
    "ask",
    "spread_frac",
    "depth_imbalance",
    "oi",
    "oi_change",
    "funding_rate",
    "mark_premium",
    "iv_atm",
    "iv_rank",
    "pcr_oi",
    "held",
)
FIELDS = BAR_FIELDS + MARKET_FIELDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One number, how old it was when the decision was made, and its source; `value` is None where it is missing."""

    value: float | None
    age_s: float | None
    source: str

    def __post_init__(self) -> None:
        if self.value is not None and not math.isfinite(self.value):
            raise Invalid("a field is a finite number or missing", code="snapshot.value")
        if self.age_s is not None and self.age_s < 0.0:
            raise Invalid(f"a field of the future, {-self.age_s:g} s ahead", code="snapshot.age")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A number as it was received, and the time it is true of."""

    value: float
    at: datetime
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What was known of one instrument at one moment of its market."""

    instrument: str
    as_of: datetime
    bar_s: int
    fields: Mapping[str, Field]

    def value(self, name: str) -> float | None:
        """Return a field's value; None where it is missing, KeyError for a name that no snapshot has."""
        return self.fields[name].value

    def age(self, name: str) -> float | None:
        return self.fields[name].age_s

    @property
    def oldest_s(self) -> float:
        """Return the age of the oldest field that is known."""
        return max((field.age_s for field in self.fields.values() if field.age_s is not None), default=0.0)

    @property
    def known(self) -> int:
        """Return how many fields are known."""
        return sum(field.value is not None for field in self.fields.values())

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the canonical bytes."""
        return hashlib.sha256(canonical(self.document())).hexdigest()

    def document(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "instrument": self.instrument,
            "as_of": self.as_of.isoformat(),
            "bar_s": self.bar_s,
            "fields": {
                name: {"value": field.value, "age_s": field.age_s, "source": field.source}
                for name, field in self.fields.items()
            },
        }


def canonical(document: Any) -> bytes:
    """Return the one way to write plain data: sorted keys, no spaces, no NaN."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False).encode()


def snapshot_of(bars: Bars, readings: Mapping[str, Reading], *, as_of: datetime) -> Snapshot:
    """Take the snapshot of an instrument from its closed bars and what else was received.

    Bars that end after `as_of` are not looked at.

    Raises
    ------
    Invalid
        For a reading under a name that no snapshot has, or one of the future.
    """
    unknown = sorted(set(readings) - set(MARKET_FIELDS))
    if unknown:
        raise Invalid(f"no snapshot has a field named {unknown[0]}", code="snapshot.field")
    closed = _closed(bars, as_of)
    fields = {**_of_bars(closed, as_of), **{name: _of_reading(readings.get(name), as_of) for name in MARKET_FIELDS}}
    return Snapshot(instrument=bars.instrument, as_of=as_of, bar_s=bars.interval_s, fields=fields)


def snapshot_from(document: Mapping[str, Any]) -> Snapshot:
    """Read a snapshot back; raises DataError for a document that is none."""
    try:
        fields = {
            name: Field(value=raw["value"], age_s=raw["age_s"], source=raw["source"])
            for name, raw in document["fields"].items()
        }
        return Snapshot(
            instrument=document["instrument"],
            as_of=datetime.fromisoformat(document["as_of"]),
            bar_s=document["bar_s"],
            fields=fields,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError("this is no snapshot", code="snapshot.unreadable") from error


def rounded(value: float) -> float:
    """Keep as many digits as every machine agrees on."""
    return float(f"{value:.{DIGITS}g}") + 0.0


def missing(snapshot: Snapshot, names: Iterable[str], *, longest_s: float) -> str | None:
    """Say in words which of the named fields is missing or older than allowed; None where all are there."""
    for name in names:
        value, age_s = snapshot.value(name), snapshot.age(name)
        if value is None:
            return f"no {name}"
        if age_s is not None and age_s > longest_s:
            return f"{name} is {age_s:.0f} s old, at most {longest_s:.0f}"
    return None


def _closed(bars: Bars, as_of: datetime) -> Bars:
    ends = bars.start_ns + bars.interval_s * NANOSECONDS
    count = int((ends <= ns_of(as_of)).sum())
    begin = max(count - 2 * WARMUP_BARS, 0)
    return Bars(
        instrument=bars.instrument,
        interval_s=bars.interval_s,
        start_ns=bars.start_ns[begin:count],
        open=bars.open[begin:count],
        high=bars.high[begin:count],
        low=bars.low[begin:count],
        close=bars.close[begin:count],
        volume=bars.volume[begin:count],
    )


def _of_bars(bars: Bars, as_of: datetime) -> dict[str, Field]:
    source = f"bars of {bars.interval_s // 60} min"
    if not len(bars):
        return {name: Field(value=None, age_s=None, source=source) for name in BAR_FIELDS}
    end_ns = int(bars.start_ns[-1]) + bars.interval_s * NANOSECONDS
    age_s = rounded((ns_of(as_of) - end_ns) / NANOSECONDS)
    columns = columns_of(bars)
    return {name: _field(float(columns[name][-1]), age_s, source) for name in BAR_FIELDS}


def _of_reading(reading: Reading | None, as_of: datetime) -> Field:
    if reading is None:
        return Field(value=None, age_s=None, source="")
    return _field(reading.value, rounded((as_of - reading.at).total_seconds()), reading.source)


def _field(value: float, age_s: float, source: str) -> Field:
    known = bool(np.isfinite(value))
    return Field(value=rounded(value) if known else None, age_s=age_s if known else None, source=source)
