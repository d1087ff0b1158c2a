"""What was received comes back as it was, to the one who received it and to nobody else."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from brokers.domain.errors import Invalid, NotFound
from options.chain_store import FIGURES, ChainStore, StoredChain
from options.domain.expiries import Fixing
from options.domain.quotes import arrange
from tests.options.chains import some_quotes

DAY = date(2026, 8, 18)
AT = datetime(2026, 8, 18, 5, 0, 1, 250_000, tzinfo=UTC)
USER = "6f1c2b9e-0000-4000-8000-000000000001"


@pytest.fixture
def store(tmp_path):
    return ChainStore(tmp_path)


def a_stored_chain(*, at=AT, expiry=date(2026, 8, 25), spot=24_010.5, quotes=None):
    fixing = Fixing(at=datetime(2026, 8, 25, 9, 45, tzinfo=UTC), averaging_s=1800.0)
    return StoredChain(
        at=at, expiry=expiry, fixing=fixing, spot=spot, quotes=some_quotes() if quotes is None else quotes
    )


def test_every_expiry_comes_back_as_it_was(store):
    holed = some_quotes(strikes=[23_900.0, 24_000.0])
    holed.bid[0, 1] = np.nan
    chains = [a_stored_chain(), a_stored_chain(expiry=date(2026, 8, 18), spot=None, quotes=holed)]

    store.write(USER, "NIFTY", DAY, chains)

    near, far = store.read(USER, "NIFTY", DAY, AT)
    assert (near.expiry, far.expiry) == (date(2026, 8, 18), date(2026, 8, 25))
    assert (near.spot, far.spot) == (None, 24_010.5)
    assert near.at == far.at == AT
    assert far.fixing == chains[0].fixing
    for stored, written in ((far, chains[0].quotes), (near, holed)):
        assert np.array_equal(stored.quotes.strike, written.strike)
        for name in FIGURES:
            assert np.array_equal(getattr(stored.quotes, name), getattr(written, name), equal_nan=True), name


def test_days_and_moments_are_listed_in_order(store):
    for minute in (2, 0, 1):
        store.write(USER, "NIFTY", DAY, [a_stored_chain(at=AT + timedelta(minutes=minute))])
    store.write(USER, "NIFTY", DAY - timedelta(days=1), [a_stored_chain()])

    assert store.days(USER, "NIFTY") == [DAY - timedelta(days=1), DAY]
    whole = AT.replace(microsecond=0)
    assert store.moments(USER, "NIFTY", DAY) == [whole + timedelta(minutes=minute) for minute in range(3)]


def test_another_user_sees_nothing(store):
    store.write(USER, "NIFTY", DAY, [a_stored_chain()])
    other = "6f1c2b9e-0000-4000-8000-000000000002"

    assert store.days(other, "NIFTY") == []
    assert store.moments(other, "NIFTY", DAY) == []
    with pytest.raises(NotFound, match="no snapshot of NIFTY"):
        store.read(other, "NIFTY", DAY, AT)


def test_a_snapshot_of_the_same_second_replaces_the_first(store):
    store.write(USER, "NIFTY", DAY, [a_stored_chain()])
    store.write(USER, "NIFTY", DAY, [a_stored_chain(spot=1.0)])

    (found,) = store.read(USER, "NIFTY", DAY, AT)

    assert found.spot == 1.0


def test_a_file_that_was_not_finished_is_not_there(store, tmp_path):
    path = store.write(USER, "NIFTY", DAY, [a_stored_chain()])
    path.rename(path.with_suffix(".new"))

    assert store.moments(USER, "NIFTY", DAY) == []


@pytest.mark.parametrize("user", ["", "..", "a/b", "../" + USER])
def test_no_user_reaches_another_folder(store, user):
    with pytest.raises(Invalid, match="user's id"):
        store.write(user, "NIFTY", DAY, [a_stored_chain()])


@pytest.mark.parametrize("underlying", ["", ".", ".."])
def test_no_underlying_reaches_another_folder(store, underlying):
    with pytest.raises(Invalid, match="no underlying"):
        store.days(USER, underlying)


def test_an_underlying_of_any_name_stays_inside(store, tmp_path):
    path = store.write(USER, "../M&M", DAY, [a_stored_chain()])

    assert path.is_relative_to(tmp_path / USER)
    assert path.parents[2] == tmp_path / USER


def test_what_is_no_snapshot_is_refused(store):
    with pytest.raises(Invalid, match="one moment, not of 2"):
        store.write(USER, "NIFTY", DAY, [a_stored_chain(), a_stored_chain(at=AT + timedelta(seconds=1))])
    with pytest.raises(Invalid, match="one moment, not of 0"):
        store.write(USER, "NIFTY", DAY, [a_stored_chain(quotes=arrange([], [], {}))])
