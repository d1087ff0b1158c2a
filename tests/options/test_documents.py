"""What the API and the pages get: the agreed keys, plain values, None where there is nothing to say."""

import json
from datetime import date, timedelta

import numpy as np
import pytest

from options.domain.documents import chain_document, interest_document, interest_of
from options.domain.open_interest import Interest
from options.domain.quotes import arrange
from tests.options.chains import FORWARD, NOW, a_chain, some_quotes

EXPIRY = date(2026, 8, 25)
SIDE = {"last_price", "bid", "ask", "iv", "delta", "gamma", "theta", "vega", "oi", "oi_change", "volume", "age_s"}


def a_moment_before(chain, *, calls=500.0, puts=-1000.0):
    now = interest_of(chain)
    moved = np.array([[calls], [puts]])
    return Interest(
        at=now.at - timedelta(minutes=5),
        strike=now.strike,
        open_interest=now.open_interest - moved,
        last_price=now.last_price,
    )


def test_a_chain_has_the_agreed_keys():
    chain = a_chain(spot=23_990.0)

    document = chain_document(chain, underlying="NIFTY", expiry=EXPIRY, before=a_moment_before(chain))

    assert {"underlying", "expiry", "forward", "spot", "as_of", "strikes", "max_pain", "pcr"} <= document.keys()
    assert document["expiry"] == "2026-08-25"
    assert document["forward"] == pytest.approx(FORWARD)
    row = document["strikes"][30]
    assert row["strike"] == FORWARD
    assert set(row["ce"]) >= SIDE
    assert set(row["pe"]) >= SIDE
    assert (row["ce"]["oi"], row["ce"]["oi_change"], row["pe"]["oi_change"]) == (6500.0, 500.0, -1000.0)


def test_without_a_moment_before_nothing_has_changed_that_is_told():
    chain = a_chain()

    assert chain_document(chain, underlying="NIFTY", expiry=EXPIRY)["strikes"][0]["ce"]["oi_change"] is None
    assert interest_document(chain, expiry=EXPIRY)["call_oi_change"] is None


def test_open_interest_is_summed_up():
    chain = a_chain()

    document = interest_document(chain, expiry=EXPIRY, before=a_moment_before(chain))

    assert document["call_oi"] == document["put_oi"] == 61 * 6500.0
    assert (document["call_oi_change"], document["put_oi_change"]) == (61 * 500.0, 61 * -1000.0)
    assert document["pcr"] == 1.0
    assert document["max_pain"] == FORWARD
    assert len(document["call_walls"]) == 3
    assert document["as_of"] == NOW.isoformat()


@pytest.mark.parametrize(
    "quotes", [arrange([], [], {}), some_quotes(bid=np.full((2, 61), np.nan), ask=np.zeros((2, 61)))]
)
def test_a_chain_without_prices_is_a_document_without_a_nan(quotes):
    chain = a_chain(quotes=quotes)

    json.dumps(chain_document(chain, underlying="NIFTY", expiry=EXPIRY), allow_nan=False)
    json.dumps(interest_document(chain, expiry=EXPIRY), allow_nan=False)
