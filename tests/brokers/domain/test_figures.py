from decimal import Decimal

import pytest

from brokers.domain.figures import in_words, price_in_words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (Decimal(0), "0"),
        (Decimal(999), "999"),
        (Decimal(1000), "1,000"),
        (Decimal(100_000), "1,00,000"),
        (Decimal("12345678.9"), "1,23,45,678.90"),
        (Decimal("-1234.5"), "−1,234.50"),
        (Decimal("-0.001"), "0"),
        (0.5, "0.50"),
        (1402.1, "1,402.10"),
        (float("nan"), "unknown"),
        (Decimal("Infinity"), "unknown"),
    ],
)
def test_figures_are_grouped_as_this_market_reads_them(value, words):
    assert in_words(value) == words


@pytest.mark.parametrize(
    ("value", "words"), [(1402.0, "1,402.00"), (Decimal("31.5"), "31.50"), (float("inf"), "unknown")]
)
def test_prices_always_have_two_places(value, words):
    assert price_in_words(value) == words
