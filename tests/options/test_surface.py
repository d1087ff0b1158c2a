"""Fitted smiles: known ones come back, arbitrage is found, a real day's fits say what they are."""

import itertools
import math

import numpy as np
import pytest
from scipy.integrate import quad

from options.domain.chain import Market, work_out
from options.domain.quotes import arrange
from options.domain.surface import Failure, Fitted, Parameters, Smile, crosses, failures_of, fit_smile, fit_surface
from tests.options.chains import FORWARD, a_chain, some_quotes
from tests.options.recorded import EXPIRY_DAY, RATE, recorded_day

YEARS = 7 / 365
KNOWN = Parameters(a=1e-4, b=0.004, rho=-0.35, m=0.004, sigma=0.03)


def a_smile(parameters=KNOWN, *, years=YEARS, reach=(-0.06, 0.06)):
    return Smile(parameters=parameters, forward=FORWARD, years=years, reach=reach)


def quoted(smile, **changes):
    return some_quotes(volatility=smile.volatility, **changes)


def test_a_known_smile_comes_back():
    smile = a_smile()

    fitted = fit_smile(a_chain(quotes=quoted(smile, half_spread=0.01)))

    assert fitted.is_sound
    k = np.linspace(-0.05, 0.05, 21)
    assert np.allclose(fitted.smile.total_variance(k), smile.total_variance(k), rtol=2e-4)
    assert np.nanmax(np.abs(fitted.residual[10:50])) < 1e-3


def test_one_bad_quote_does_not_bend_the_smile_and_shows_as_a_residual():
    smile = a_smile()
    quotes = quoted(smile)
    quotes.bid[0, 40] += 15.0
    quotes.ask[0, 40] += 15.0

    fitted = fit_smile(a_chain(quotes=quotes))

    assert fitted.residual[40] > 0.005
    others = np.abs(np.delete(fitted.residual[20:50], 20))
    assert np.nanmax(others) < 0.002


def test_a_smile_prices_a_strike_that_nobody_quotes():
    smile = a_smile()
    quotes = quoted(smile, half_spread=0.01)
    for cells in (quotes.bid, quotes.ask, quotes.last_price):
        cells[:, 35] = np.nan

    fitted = fit_smile(a_chain(quotes=quotes))

    assert math.isnan(fitted.residual[35])
    assert float(fitted.smile.volatility(quotes.strike[35])) == pytest.approx(
        float(smile.volatility(quotes.strike[35])), rel=1e-3
    )


def test_the_density_is_the_slope_of_the_probability_and_sums_to_one():
    smile = a_smile()

    def density(k):
        root = math.sqrt(float(smile.total_variance(k)))
        d2 = -k / root - root / 2
        return float(smile.butterfly(k)) * math.exp(-d2 * d2 / 2) / (root * math.sqrt(2 * math.pi))

    total, _ = quad(density, -0.5, 0.5, points=[0.0], limit=200)
    part, _ = quad(density, -0.02, 0.01, points=[0.0])
    low, high = smile.probability_below(FORWARD * np.exp([-0.02, 0.01]))

    assert total == pytest.approx(1.0, abs=1e-6)
    assert high - low == pytest.approx(part, abs=1e-8)
    assert smile.probability_below([0.0, math.inf]).tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    ("parameters", "failure"),
    [
        (Parameters(a=-0.01, b=0.004, rho=0.0, m=0.0, sigma=0.03), Failure.NOT_POSITIVE),
        # Axel Vogt's smile, whose density is negative: Gatheral and Jacquier 2014, example 3.1
        (Parameters(a=-0.0410, b=0.1331, rho=0.3060, m=0.3586, sigma=0.4153), Failure.BUTTERFLY),
        (Parameters(a=0.04, b=1.8, rho=0.5, m=0.0, sigma=2.0), Failure.WING),
    ],
)
def test_a_smile_with_arbitrage_is_found_out(parameters, failure):
    assert failure in failures_of(a_smile(parameters, years=1.0, reach=(-1.0, 1.0)))


def test_a_later_expiry_with_less_variance_crosses():
    later = a_smile(KNOWN._replace(a=0.5e-4), years=2 * YEARS)

    assert crosses(a_smile(), later)
    assert not crosses(a_smile(), a_smile(KNOWN._replace(a=3e-4), years=2 * YEARS))
    assert not crosses(a_smile(reach=(-0.06, -0.05)), a_smile(reach=(0.05, 0.06)))


def test_a_surface_names_the_expiry_that_crosses():
    near = a_chain(quotes=quoted(a_smile(), half_spread=0.01), days=7.0)
    late = a_smile(KNOWN._replace(a=0.2e-4, b=0.003), years=14 / 365)
    far = a_chain(quotes=quoted(late, half_spread=0.01, days=14.0), days=14.0)

    first, second = fit_surface([far, near])

    assert first.is_sound
    assert Failure.CALENDAR in second.failures


def test_too_few_strikes_and_no_forward_are_said():
    few = fit_smile(a_chain(strikes=[23_900.0, 24_000.0, 24_100.0]))
    none = fit_smile(a_chain(quotes=arrange([], [], {})))

    assert few.failures == (Failure.TOO_FEW,)
    assert none.failures == (Failure.NO_FORWARD,)
    assert few.smile is none.smile is None
    assert np.isnan(few.residual).all()
    assert fit_surface([a_chain(strikes=[23_900.0, 24_000.0, 24_100.0])])[0].failures == (Failure.TOO_FEW,)


@pytest.mark.reference
@pytest.mark.slow
def test_every_smile_of_the_recorded_day_passes_its_checks_or_says_what_it_fails():
    """Of the later expiries each fit is sound, of the expiring one each until it settles."""
    minutes = itertools.groupby(recorded_day(), key=lambda recorded: recorded.at)
    settled = 0
    for group in (list(found) for _, found in minutes):
        chains = [work_out(r.quotes, fixing=r.fixing, market=Market(now=r.at, rate=RATE, spot=r.spot)) for r in group]
        for recorded, fitted in zip(group, fit_surface(chains), strict=True):
            if recorded.expiry == EXPIRY_DAY and recorded.at >= recorded.fixing.at:
                assert fitted.failures == (Failure.TOO_FEW,)
                settled += 1
                continue
            assert fitted.is_sound, (recorded.at, recorded.expiry, fitted.failures)
            k = np.linspace(*fitted.smile.reach, 400)
            assert np.all(fitted.smile.butterfly(k) >= -1e-9)
            if recorded.expiry != EXPIRY_DAY:
                near = np.abs(np.log(recorded.quotes.strike / fitted.smile.forward)) < 0.03
                assert np.nanmedian(np.abs(fitted.residual[near])) < 0.005

    assert settled == 16


def test_a_fit_without_a_failure_is_sound():
    assert Fitted(smile=a_smile(), failures=(), residual=np.zeros(1)).is_sound
