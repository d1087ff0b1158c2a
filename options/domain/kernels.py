"""What is compiled: Black's formula, its Greeks and its inverse, eight options in one instruction where the machine can.

A call works through its options in blocks of `LANES`. A block is one flat array of rows (`SPOT + lane`, ...), so that the
compiler sees that no two rows overlap; each stage is one loop without a branch, a call or a library function, which is
what lets it use vector instructions.

In the formulas x = -abs(ln(F/K)) is the log-moneyness turned out of the money, s = volatility * sqrt(years) the total
deviation, h = -x/s, t = s/2, and b(x, s) the out-of-the-money price over discount * sqrt(F * K): Peter Jäckel's
normalised Black function ("Let's be rational", Wilmott 2015).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, ParamSpec, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

from options.domain.guesses import lower_argument, middle_deviation, upper_probability
from options.domain.special import exponential, inlined, log_ratio, logarithm, scaled_erfc, upper_quantile

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int8]
Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

# Of what is compiled into these kernels (special.py and guesses.py, one after the other). numba's cache notices a change
# of this file alone, and would keep the old figures.
PARTS_DIGEST = "764eb7a987508203"

LANES = 64
GREEKS = 9
FIRST_ORDER = 6  # of them: the price and what moves it first
DAYS = 365.0
POINT = 0.01

# The rows of a block: what comes in,
_SPOT, _STRIKE, _YEARS, _RATE, _CARRY, _SIGN, _PRICE, _VOLATILITY = (row * LANES for row in range(8))
# what is derived,
_DISCOUNT, _FORWARD, _LOG, _BETA, _ROOM, _TOP, _LOG_BETA, _DEVIATION = (row * LANES for row in range(8, 16))
# which objective is solved (-1 lower, 0 middle, 1 upper), why a price is refused, and what goes out.
_REGION, _CODE, _OUT = (row * LANES for row in range(16, 19))
_ROWS = 18 + GREEKS

# Why there is no figure; `options.domain.pricing.Refusal` names them.
FINE, MISSING, EXPIRED, BELOW_INTRINSIC, NO_TIME_VALUE, ABOVE_BOUND = range(6)

_HALF_PI_ROOT = math.sqrt(0.5 * math.pi)
_TWO_PI_ROOT = math.sqrt(2.0 * math.pi)
_TWO_OVER_PI_ROOT = math.sqrt(2.0 / math.pi)
_ROOT_HALF = math.sqrt(0.5)
_ROOT_TWO = math.sqrt(2.0)
_ROOT_THREE = math.sqrt(3.0)
_LEAST_BETA = 1e-300
_ROUNDING = 8.0 * 2.220446049250313e-16


class Terms(NamedTuple):
    """What is known of options beside price and volatility; float64 columns of one length, rates continuous a year."""

    spot: Floats
    strike: Floats
    years: Floats
    rate: Floats
    carry: Floats
    is_call: npt.NDArray[np.bool_]


def _kernel(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    try:
        compiled = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})(function)
    except RuntimeError:
        # neither beside this file nor in the user's own folders may anything be written: compiled at each start instead
        compiled = numba.njit(nogil=True, error_model="numpy", fastmath={"contract"})(function)
    return cast("Callable[Parameters, Result]", compiled)


# --- stages of a block


@_kernel
def _derive(block: Floats) -> None:
    """Fill in discount, forward and ln(forward / strike)."""
    for lane in range(LANES):
        years = block[_YEARS + lane]
        growth = block[_CARRY + lane] * years
        forward = block[_SPOT + lane] * exponential(growth)
        block[_DISCOUNT + lane] = exponential(-block[_RATE + lane] * years)
        block[_FORWARD + lane] = forward
        block[_LOG + lane] = log_ratio(forward, block[_STRIKE + lane])


@_kernel
def _normalise(block: Floats) -> None:
    """Turn a price out of the money and put it over discount * sqrt(forward * strike); refuse what no volatility gives."""
    for lane in range(LANES):
        forward, strike = block[_FORWARD + lane], block[_STRIKE + lane]
        price = block[_PRICE + lane] / block[_DISCOUNT + lane]
        low, high = min(forward, strike), max(forward, strike)
        excess = price - max(block[_SIGN + lane] * (forward - strike), 0.0)
        scale = 1.0 / (math.sqrt(forward) * math.sqrt(strike))
        beta, room = excess * scale, (low - excess) * scale
        code = float(NO_TIME_VALUE) if beta < _LEAST_BETA else float(FINE)
        code = float(BELOW_INTRINSIC) if excess < -_ROUNDING * price else code
        code = float(ABOVE_BOUND) if room <= 0.0 else code
        top = math.sqrt(low / high)
        is_fine = code == 0.0
        beta = beta if is_fine else 0.25 * top
        before = block[_CODE + lane]
        block[_CODE + lane] = before if before > 0.0 else code
        block[_TOP + lane] = top
        block[_BETA + lane] = beta
        block[_ROOM + lane] = room if is_fine else 0.75 * top
        block[_LOG_BETA + lane] = logarithm(beta)


@_kernel
def _guess(block: Floats) -> None:
    """Guess s: four ranges of beta, parted by the inflection point sqrt(2x) and where its tangent leaves the bounds."""
    for lane in range(LANES):
        x = abs(block[_LOG + lane])
        beta, room, top = block[_BETA + lane], block[_ROOM + lane], block[_TOP + lane]
        root = math.sqrt(x)
        mills = scaled_erfc(root)
        turning = _ROOT_TWO * root
        beta_turning = 0.5 * top * (1.0 - mills)
        is_low = beta < beta_turning
        below = max(turning - _HALF_PI_ROOT * (1.0 - mills), min(x, 0.25 * turning))
        edge = below if is_low else turning + _HALF_PI_ROOT * (1.0 + mills)
        h, t = x / edge, 0.5 * edge
        bell, body = exponential(-0.5 * t * t), exponential(-0.5 * h * h)
        near, far = scaled_erfc(abs(h - t) * _ROOT_HALF), scaled_erfc((h + t) * _ROOT_HALF)
        wing = max(near - far, 1e-18)
        half = 0.5 * bell * body
        room_edge = half * (near + far)
        beta_edge = half * wing if is_low else top - room_edge
        is_outside = beta < beta_edge if is_low else beta > beta_edge

        lower = lower_argument(x, edge, h, bell, wing, min(beta / beta_edge, 1.0))
        upper = upper_probability(edge, h, bell, body, room_edge, min(room / room_edge, 1.0))
        logged = logarithm(max(lower if is_low else upper, 1e-307))
        quantile = upper_quantile(min((block[_LOG_BETA + lane] + logged) / 3.0 if is_low else logged, -0.01))
        outside = x / (_ROOT_THREE * quantile) if is_low else 2.0 * quantile
        span = beta_edge - beta_turning
        share = (beta - beta_turning) / span
        inside = middle_deviation(share, span, turning, edge, _TWO_PI_ROOT / top, 0.5 * _TWO_PI_ROOT / half)

        guess = outside if is_outside else inside
        region = -1.0 if is_low else 1.0
        block[_REGION + lane] = region if is_outside else 0.0
        block[_DEVIATION + lane] = guess if guess > 0.0 else 0.5 * edge


@_kernel
def _improve(block: Floats) -> None:
    """Take one Householder step of the third order on the range's own objective: 1/ln b, b, or ln(top - b)."""
    for lane in range(LANES):
        s, region = block[_DEVIATION + lane], block[_REGION + lane]
        h, t = abs(block[_LOG + lane]) / s, 0.5 * s
        near, far = scaled_erfc(abs(h - t) * _ROOT_HALF), scaled_erfc((h + t) * _ROOT_HALF)
        is_above = t > h
        wing = near + far if is_above else max(near - far, 1e-18)
        exponent = -0.5 * (h * h + t * t)
        half = 0.5 * exponential(exponent)
        bend = h * h / s - 0.25 * s
        twist = bend * bend - 3.0 * h * h / (s * s) - 0.25

        # ln b below, ln((top - b) / room) above, and the slope of either in s
        beta, room = (
            block[_BETA + lane],
            block[_ROOM + lane],
        )  # read before the choice: a read that depends bars vectors
        target = room if is_above else beta
        logged = logarithm(half * wing / target if region > 0.0 else 0.5 * wing)
        log_b, log_beta = logged + exponent, block[_LOG_BETA + lane]
        slope = _TWO_OVER_PI_ROOT / wing
        once = 1.0 + 2.0 / log_b

        middle_move = (half * wing - target if is_above else target - half * wing) * _TWO_PI_ROOT / (2.0 * half)
        lower_move = (log_beta - log_b) * log_b / (log_beta * slope)
        lower_second = bend - slope * once
        lower_third = (
            twist + 2.0 * slope * slope * (1.0 + 3.0 / log_b * (1.0 + 1.0 / log_b)) - 3.0 * slope * bend * once
        )
        upper_move = logged / slope
        upper_third = twist + 3.0 * slope * bend + 2.0 * slope * slope
        is_lower, is_upper = region < 0.0, region > 0.0
        move = lower_move if is_lower else (upper_move if is_upper else middle_move)
        second = lower_second if is_lower else (bend + slope if is_upper else bend)
        third = lower_third if is_lower else (upper_third if is_upper else twist)
        step = move * (1.0 + 0.5 * second * move) / (1.0 + move * (second + third * move / 6.0))
        block[_DEVIATION + lane] = s + max(step, -0.5 * s)


@_kernel
def _annualise(block: Floats) -> None:
    """Turn the total deviation into a volatility a year."""
    for lane in range(LANES):
        block[_VOLATILITY + lane] = block[_DEVIATION + lane] / math.sqrt(block[_YEARS + lane])


@_kernel
def _differentiate(block: Floats, rate_moves_carry: float) -> None:
    """Fill in the value and its eight derivatives."""
    for lane in range(LANES):
        spot, strike, years = block[_SPOT + lane], block[_STRIKE + lane], block[_YEARS + lane]
        rate, carry, sign = block[_RATE + lane], block[_CARRY + lane], block[_SIGN + lane]
        volatility, discount, forward = block[_VOLATILITY + lane], block[_DISCOUNT + lane], block[_FORWARD + lane]
        root = math.sqrt(years)
        s = volatility * root
        log = block[_LOG + lane]
        is_over = log > 0.0
        low, high = min(forward, strike), max(forward, strike)
        # d1 and d2 of the option turned out of the money; turned back they swap places and signs
        d1 = 0.5 * s - abs(log) / s
        d2 = d1 - s
        bell = exponential(-0.5 * d1 * d1)
        far_bell = bell * low / high
        near, far = scaled_erfc(abs(d1) * _ROOT_HALF), scaled_erfc(-d2 * _ROOT_HALF)
        tail, far_tail = 0.5 * bell * near, 0.5 * far_bell * far
        first = 1.0 - tail if d1 > 0.0 else tail
        time_value = low * (1.0 - 0.5 * bell * (near + far) if d1 > 0.0 else 0.5 * bell * (near - far))

        # N(sign d1) and N(sign d2), each from the tail that keeps its digits
        is_inside = (sign > 0.0) == is_over
        hedged, exercised = (far_tail, first) if is_over else (first, far_tail)
        hedged = 1.0 - hedged if is_inside else hedged
        exercised = 1.0 - exercised if is_inside else exercised
        density = (far_bell if is_over else bell) / _TWO_PI_ROOT
        true_d2 = -d1 if is_over else d2

        growth = forward * discount / spot
        value = discount * (time_value + max(sign * (forward - strike), 0.0))
        delta = sign * growth * hedged
        vega = spot * growth * density * root
        decay = rate * value - carry * spot * delta - 0.5 * vega * volatility / years
        lever = sign * strike * discount * exercised if rate_moves_carry > 0.0 else -value
        drift = growth * density * (carry / s - 0.5 * true_d2 / years)
        block[_OUT + lane] = value
        block[_OUT + LANES + lane] = delta
        block[_OUT + 2 * LANES + lane] = growth * density / (spot * s)
        block[_OUT + 3 * LANES + lane] = vega * POINT
        block[_OUT + 4 * LANES + lane] = decay / DAYS
        block[_OUT + 5 * LANES + lane] = years * lever * POINT
        block[_OUT + 6 * LANES + lane] = -growth * density * true_d2 / volatility * POINT
        block[_OUT + 7 * LANES + lane] = vega * d1 * d2 / volatility * POINT * POINT
        block[_OUT + 8 * LANES + lane] = -((carry - rate) * delta + drift) / DAYS


# --- whole calls


@inlined
def _copy(block: Floats, row: int, source: Floats, start: int) -> None:
    for lane in range(min(LANES, len(source) - start)):
        block[row + lane] = source[start + lane]


@_kernel
def _load(block: Floats, terms: Terms, start: int) -> None:
    """Copy the options from `start` into a block; what lies behind the last one is what the block held before."""
    _copy(block, _SPOT, terms.spot, start)
    _copy(block, _STRIKE, terms.strike, start)
    _copy(block, _YEARS, terms.years, start)
    _copy(block, _RATE, terms.rate, start)
    _copy(block, _CARRY, terms.carry, start)
    for lane in range(min(LANES, len(terms.is_call) - start)):
        block[_SIGN + lane] = 1.0 if terms.is_call[start + lane] else -1.0


@_kernel
def _admit(block: Floats, given: int) -> None:
    """Put a harmless option in the place of one that cannot be worked with, and note why; `given` is a row."""
    for lane in range(LANES):
        spot, strike, years = block[_SPOT + lane], block[_STRIKE + lane], block[_YEARS + lane]
        rate, carry, figure = block[_RATE + lane], block[_CARRY + lane], block[given + lane]
        total = spot + strike + years + rate + carry + figure
        code = float(EXPIRED) if years <= 0.0 else float(FINE)
        is_usable = (spot > 0.0) & (strike > 0.0) & (figure > 0.0) & (abs(total) < math.inf)
        code = code if is_usable else float(MISSING)
        is_fine = code == 0.0
        block[_CODE + lane] = code
        block[_SPOT + lane] = spot if is_fine else 1.0
        block[_STRIKE + lane] = strike if is_fine else 1.0
        block[_YEARS + lane] = years if is_fine else 1.0
        block[_RATE + lane] = rate if is_fine else 0.0
        block[_CARRY + lane] = carry if is_fine else 0.0
        block[given + lane] = figure if is_fine else 0.25


@_kernel
def value_all(volatility: Floats, terms: Terms, rate_moves_carry: float, figures: Floats, codes: Codes) -> None:
    """Value options of known volatility: `figures` (GREEKS or FIRST_ORDER, n) and `codes` (n,)."""
    block = np.ones(_ROWS * LANES)
    for start in range(0, len(volatility), LANES):
        _load(block, terms, start)
        _copy(block, _VOLATILITY, volatility, start)
        _admit(block, _VOLATILITY)
        _derive(block)
        _differentiate(block, rate_moves_carry)
        _store_figures(block, start, figures)
        _store_codes(block, start, codes)


@_kernel
def solve_all(price: Floats, terms: Terms, volatility: Floats, codes: Codes) -> None:
    """Imply volatilities: `volatility` (n,) and `codes` (n,)."""
    block = np.ones(_ROWS * LANES)
    for start in range(0, len(price), LANES):
        _solve(block, price, terms, start)
        _store_volatility(block, start, volatility)
        _store_codes(block, start, codes)


@_kernel
def solve_and_value_all(  # noqa: PLR0917 - compiled functions take no keyword-only arguments
    price: Floats, terms: Terms, rate_moves_carry: float, volatility: Floats, figures: Floats, codes: Codes
) -> None:
    """Imply volatilities and value the options at them while their terms are at hand."""
    block = np.ones(_ROWS * LANES)
    for start in range(0, len(price), LANES):
        _solve(block, price, terms, start)
        _store_volatility(block, start, volatility)
        _differentiate(block, rate_moves_carry)
        _store_figures(block, start, figures)
        _store_codes(block, start, codes)


@_kernel
def _solve(block: Floats, price: Floats, terms: Terms, start: int) -> None:
    _load(block, terms, start)
    _copy(block, _PRICE, price, start)
    _admit(block, _PRICE)
    _derive(block)
    _normalise(block)
    _guess(block)
    _improve(block)
    _improve(block)
    _annualise(block)


@_kernel
def _store_volatility(block: Floats, start: int, volatility: Floats) -> None:
    for lane in range(min(LANES, len(volatility) - start)):
        is_fine = block[_CODE + lane] == 0.0
        volatility[start + lane] = block[_VOLATILITY + lane] if is_fine else math.nan


@_kernel
def _store_codes(block: Floats, start: int, codes: Codes) -> None:
    for lane in range(min(LANES, len(codes) - start)):
        codes[start + lane] = np.int8(block[_CODE + lane])


@_kernel
def _store_figures(block: Floats, start: int, figures: Floats) -> None:
    for row in range(len(figures)):
        for lane in range(min(LANES, figures.shape[1] - start)):
            figure = block[_OUT + row * LANES + lane]
            figures[row, start + lane] = figure if block[_CODE + lane] == 0.0 else math.nan
