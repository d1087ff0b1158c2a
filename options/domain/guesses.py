"""The rational guesses of the total deviation s, compiled into the kernel that implies volatilities.

Peter Jäckel, "Let's be rational", Wilmott 2015: s is a rational cubic (Delbourgo and Gregory, 1985) of the normalised
price beta, or of a map of it that is nearly straight, in each of four ranges. Here x = abs(ln(F/K)), h = x/s, t = s/2,
`bell` = exp(-t^2/2), `body` = exp(-h^2/2), and `wing` the difference of the scaled erfc at (h - t) and (h + t) over
sqrt(2). As of special.py, kernels.py names the digest of this file.
"""

from __future__ import annotations

import math

from options.domain.special import inlined, scaled_erfc

_HALF_PI_ROOT = math.sqrt(0.5 * math.pi)
_TWO_OVER_PI_ROOT = math.sqrt(2.0 / math.pi)
_ROOT_HALF = math.sqrt(0.5)
_ROOT_THREE = math.sqrt(3.0)
# A cubic this stiff is a straight line. Where ends and slope agree to the last digit the control is infinite, or, as
# min and max keep their first argument beside what is not a number, the bound that stands before it.
_STIFFEST = 1e8
_LOWER_SCALE = 2.0 * math.pi / (3.0 * _ROOT_THREE)


@inlined
def lower_argument(x: float, s: float, h: float, bell: float, wing: float, beta_share: float) -> float:  # noqa: PLR0917 - compiled functions take no keyword-only arguments
    """Return what to multiply beta by for the cube of the lower map's normal probability.

    The map is f(s) = 2 pi x / (3 sqrt 3) * N(-z)^3 with z = x / (sqrt 3 s), taken as a rational cubic of beta between
    (0, slope 1) and the edge s; here divided by beta throughout, so that nothing underflows.
    """
    z = h / _ROOT_THREE
    mills = scaled_erfc(z * _ROOT_HALF)
    slope = 0.5 * math.pi * z * z * mills * mills / bell
    rise = _LOWER_SCALE * x * 0.25 * mills * mills * mills / (bell * wing)
    turn = -2.0 / s - 2.0 * z / s * (z - _TWO_OVER_PI_ROOT / mills) + 0.25 * s
    least, control = (1.0 + slope) / rise, (0.5 * slope * turn * _HALF_PI_ROOT * wing + slope - 1.0) / (slope - rise)
    control = min(_STIFFEST, max(least, control))
    u, v = beta_share, 1.0 - beta_share
    above = rise * u * u + (control * rise - slope) * u * v + v * v
    return above / ((1.0 + (control - 3.0) * u * v) * _LOWER_SCALE * x)


@inlined
def upper_probability(s: float, h: float, bell: float, body: float, room: float, room_share: float) -> float:  # noqa: PLR0917 - compiled functions take no keyword-only arguments
    """Return N(-s/2) as the rational cubic of beta between the edge s and (top, 0, slope -1/2)."""
    start = 0.5 * scaled_erfc(0.5 * s * _ROOT_HALF) * bell
    slope = -0.5 / body
    bend = _HALF_PI_ROOT * h * h / (s * body * body * bell)
    rise = -start / room
    least, control = (slope - 0.5) / rise, (0.5 * room * bend - 0.5 - slope) / (rise - slope)
    control = min(_STIFFEST, max(least, control))
    u, v = 1.0 - room_share, room_share
    above = 0.5 * room * u * u * v + (control * start + room * slope) * u * v * v + start * v * v * v
    return above / (1.0 + (control - 3.0) * u * v)


@inlined
def middle_deviation(share: float, span: float, start: float, end: float, slope: float, end_slope: float) -> float:  # noqa: PLR0917 - compiled functions take no keyword-only arguments
    """Return s as the rational cubic between the inflection point (no curvature) and the edge."""
    rise = (end - start) / span
    control = min(_STIFFEST, (end_slope - slope) / (rise - slope))
    u, v = share, 1.0 - share
    above = (
        end * u * u * u
        + (control * end - span * end_slope) * u * u * v
        + (control * start + span * slope) * u * v * v
        + start * v * v * v
    )
    return above / (1.0 + (control - 3.0) * u * v)
