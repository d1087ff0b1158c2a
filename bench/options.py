"""Greeks and implied volatilities beside the fast peers: a chain of 800 options, and a million.

`5 Greeks`: price, delta, gamma, vega, theta and rho of Black-Scholes.
`IV`: the volatility that a price implies, beside the peers that pass the hard grid; `IV and Greeks` is one fused pass.
`IV error`: the largest one on the hard grid of `bench.exact`, in 1e-12 of volatility; what a peer fails to solve there is
its own case. `chains` is what the desk does at each refresh: three underlyings with three expiries each, quotes to forward,
volatilities, Greeks, marks, max pain, ratios, walls and exposures. Ours is on one core, since the
desk's other processes have the other; a peer takes what it takes.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.exact import hard_grid
from bench.measure import Case, Topic, seconds_per_call
from options.domain.chain import Listed, Market, work_out_all
from options.domain.expiries import Fixing
from options.domain.exposure import delta_exposure, gamma_exposure
from options.domain.implied import implied_greeks, implied_volatility
from options.domain.open_interest import max_pain, put_call_ratio, walls
from options.domain.pricing import OptionTerms, Valuation, on_forward, on_spot, value
from options.domain.quotes import CALL, PUT, Freshness, arrange

PACKAGES = ("fast-vollib", "py-vollib-vectorized", "py-vollib", "numba", "numpy", "scipy")
RATE = 0.065
SPOT = 24_000.0
GREEKS = ("delta", "gamma", "vega", "theta", "rho")
TRILLIONTH = 1e-12

Floats = npt.NDArray[np.float64]
Call = Callable[[], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """Options in columns, as we and the peers take them."""

    spot: Floats
    strike: Floats
    years: Floats
    rate: Floats
    is_call: npt.NDArray[np.bool_]
    volatility: Floats

    def __len__(self) -> int:
        return int(self.strike.size)

    @property
    def terms(self) -> OptionTerms:
        return on_spot(spot=self.spot, strike=self.strike, years=self.years, rate=self.rate, is_call=self.is_call)

    @property
    def letters(self) -> npt.NDArray[np.str_]:
        return np.where(self.is_call, "c", "p")


@dataclass(frozen=True, slots=True, kw_only=True)
class Peers:
    """The peers' packages; one of them patches another on import, and both speak of it."""

    vectorized: ModuleType
    fast: ModuleType
    jackel: Callable[..., Floats]

    def greeks(self, book: Book) -> dict[str, Call]:
        letters = book.letters
        given = (letters, book.spot, book.strike, book.years, book.rate, book.volatility)
        return {
            "py_vollib_vectorized": lambda: self.vectorized.get_all_greeks(*given, return_as="dict"),
            "fast_vollib": lambda: self.fast.get_all_greeks(*given, return_as="dict", backend="numba"),
        }

    def volatilities(self, book: Book, price: Floats) -> dict[str, Call]:
        letters, growth = book.letters, np.exp(book.rate * book.years)
        given = (price, book.spot, book.strike, book.years, book.rate, letters)
        return {
            "py_vollib_vectorized": lambda: self.vectorized.vectorized_implied_volatility(
                *given, return_as="numpy", on_error="ignore"
            ),
            "fast_vollib.jackel": lambda: self.jackel(
                price * growth, book.spot * growth, book.strike, book.years, book.is_call
            ),
        }

    def quick_volatilities(self, book: Book, price: Floats) -> Call:
        given = (price, book.spot, book.strike, book.years, book.rate, book.letters)
        return lambda: self.fast.fast_implied_volatility(*given, return_as="numpy", backend="numba", on_error="ignore")


def measure() -> Topic:
    """Value and imply a chain of 800 and a million options, and imply the hard grid."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the peers, on the hard grid
        peers = _peers()
        books = {"800": a_chain(), "1,000,000": a_crowd(1_000_000)}
        cases = [case for name, book in books.items() for case in _speeds(name, book, peers)]
        return Topic(name="options", cases=[*cases, *_errors(peers), _refresh()], packages=PACKAGES)


def a_chain() -> Book:
    """Build two expiries of 200 strikes around an index."""
    strikes = SPOT + (np.arange(200) - 100) * 50.0
    strike, years, is_call = (
        column.ravel() for column in np.meshgrid(strikes, [3 / 365, 31 / 365], [True, False], indexing="ij")
    )
    log = np.log(strike / SPOT)
    return _book(strike, years, is_call, 0.12 + 0.8 * log * log - 0.1 * log)


def a_crowd(count: int) -> Book:
    """Build options at random, seeded: a day to half a year, 8 % to 80 %, mostly within three deviations."""
    random = np.random.default_rng(20260818)
    years, volatility = random.uniform(1 / 365, 0.5, count), random.uniform(0.08, 0.8, count)
    strike = SPOT * np.exp(1.3 * random.normal(0.0, 1.0, count) * volatility * np.sqrt(years))
    return _book(strike, years, random.random(count) < 0.5, volatility)


def _book(strike: Floats, years: Floats, is_call: npt.NDArray[np.bool_], volatility: Floats) -> Book:
    count = strike.size
    return Book(
        spot=np.full(count, SPOT),
        strike=strike,
        years=years,
        rate=np.full(count, RATE),
        is_call=is_call,
        volatility=volatility,
    )


def _speeds(name: str, book: Book, peers: Peers) -> list[Case]:
    ours = value(book.terms, book.volatility)
    price = ours.price.copy()
    greeks, volatilities = peers.greeks(book), peers.volatilities(book, price)
    _compare_greeks(ours, greeks)
    _compare_volatilities(book, price, volatilities)
    return [
        _case(f"5 Greeks, {name}", book, lambda: value(book.terms, book.volatility, with_second_order=False), greeks),
        _case(f"IV, {name}", book, lambda: implied_volatility(price, book.terms), volatilities),
        _case(f"IV and Greeks, {name}", book, lambda: implied_greeks(price, book.terms), {}),
    ]


def _case(name: str, book: Book, ours: Call, peers: Mapping[str, Call]) -> Case:
    seconds = seconds_per_call({"ours": ours, **peers})
    rates = {contender: len(book) / taken for contender, taken in seconds.items()}
    return Case(name=name, unit="options/s", ours=rates.pop("ours"), peers=rates)


def _compare_greeks(ours: Valuation, peers: Mapping[str, Call]) -> None:
    exact = peers["fast_vollib"]()
    for greek in GREEKS:
        if not np.allclose(getattr(ours, greek), np.ravel(exact[greek]), rtol=1e-8, atol=1e-12):
            raise AssertionError(f"fast_vollib and ours disagree about {greek}")
    # this one takes differences of prices, which for delta alone come near the derivative everywhere
    if not np.allclose(ours.delta, np.ravel(peers["py_vollib_vectorized"]()["delta"]), rtol=0, atol=1e-6):
        raise AssertionError("py_vollib_vectorized and ours disagree about delta")


def _compare_volatilities(book: Book, price: Floats, peers: Mapping[str, Call]) -> None:
    # in the money, a rounding of the price is worth more volatility than the peers and we could agree on
    is_outside = book.is_call == (book.strike > book.spot * np.exp(book.rate * book.years))
    ours = implied_volatility(price, book.terms).volatility
    if not np.allclose(ours[is_outside], book.volatility[is_outside], rtol=1e-8):
        raise AssertionError("ours does not give its own volatility back")
    for peer, call in peers.items():
        if not np.allclose(np.ravel(call())[is_outside], book.volatility[is_outside], rtol=1e-6):
            raise AssertionError(f"{peer} and ours disagree about the implied volatility")


def _refresh() -> Case:
    """Time one refresh of the desk's chains."""
    listed = [_listed(days) for _ in range(3) for days in (2.0, 9.0, 30.0)]
    seconds = seconds_per_call({"ours": lambda: _work_out(listed)})
    count = sum(2 * len(one.quotes) for one in listed)
    return Case(
        name=f"chains, {count:,} options", unit="ms", ours=seconds["ours"] * 1e3, peers={}, higher_is_better=False
    )


def _work_out(listed: Sequence[Listed]) -> None:
    for chain in work_out_all(listed, Freshness()):
        interest, strike = chain.quotes.open_interest, chain.strike
        max_pain(strike, interest, chain.forward.price)
        put_call_ratio(interest)
        put_call_ratio(chain.quotes.volume)
        walls(strike, interest[CALL])
        walls(strike, interest[PUT])
        gamma_exposure(chain)
        delta_exposure(chain)


def _listed(days: float) -> Listed:
    strike = SPOT + 50.0 * np.arange(-42, 42)
    years, now = days / 365, datetime(2026, 8, 18, 5, 0, tzinfo=UTC)
    both, is_call = np.tile(strike, 2), np.arange(168) < 84
    discount = math.exp(-RATE * years)
    terms = on_forward(forward=SPOT, strike=both, years=years, discount=discount, is_call=is_call)
    price = value(terms, 0.13 + 1.5 * np.log(both / SPOT) ** 2).price
    figures: dict[str, npt.ArrayLike] = {
        "bid": price - 0.05,
        "ask": price + 0.05,
        "last_price": price,
        "age_s": 0.0 * price,
        "trade_age_s": 0.0 * price,
    }
    figures |= {"open_interest": np.arange(168) * 65.0, "volume": np.arange(168) * 65.0}
    return Listed(
        quotes=arrange(both, is_call, figures),
        fixing=Fixing(at=now + timedelta(days=days)),
        market=Market(now=now, rate=RATE, spot=SPOT),
    )


def _errors(peers: Peers) -> list[Case]:
    price, strike, years, volatility, is_call = (np.array(column) for column in zip(*hard_grid(), strict=True))
    count = price.size
    book = Book(
        spot=np.full(count, 100.0),
        strike=strike,
        years=years,
        rate=np.zeros(count),
        is_call=is_call,
        volatility=volatility,
    )
    calls = {**peers.volatilities(book, price), "fast_vollib": peers.quick_volatilities(book, price)}
    found = {name: _wrong(np.ravel(call()), volatility) for name, call in calls.items()}
    error, failures = _wrong(implied_volatility(price, book.terms).volatility, volatility)
    errors = {name: wrong[0] for name, wrong in found.items()}
    solved = {name: float(count - wrong[1]) for name, wrong in found.items()}
    return [
        Case(name="IV error, hard grid", unit="1e-12", ours=error, peers=errors, higher_is_better=False),
        Case(name=f"IV to 1e-10, of {count}", unit="options", ours=float(count - failures), peers=solved),
    ]


def _wrong(found: Floats, volatility: Floats) -> tuple[float, int]:
    """Return the largest error in trillionths, and how many are off by more than 1e-10 or not there."""
    error = np.abs(found - volatility)
    return float(np.nanmax(error)) / TRILLIONTH, int(np.count_nonzero(~(error <= 1e-10)))


def _peers() -> Peers:
    vectorized, fast = import_module("py_vollib_vectorized"), import_module("fast_vollib")
    return Peers(vectorized=vectorized, fast=fast, jackel=import_module("fast_vollib.jackel").jackel_iv_black)
