"""Eight real processes want one account; the simulated venue counts."""

import pytest

from bench.budgets import LIMITS, Plan, contest, require_kept

pytestmark = pytest.mark.slow


def test_eight_processes_never_send_more_orders_in_a_second_than_the_venue_takes():
    outcome = contest(Plan())

    require_kept(outcome)
    assert outcome.most["order"] <= LIMITS["order"]
    assert outcome.refused.get("order", 0) == 0
    assert outcome.in_the_book > 0
    assert outcome.total("without_lease")
    assert len(outcome.owners) >= 2
