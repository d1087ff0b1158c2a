"""The agents in a real browser: seven votes with their evidence, a record that replays, one stopped and started."""

import pytest

from tests.journeys.pages import sign_in, until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FIRST_ROUND_WITHIN_S = 120
DECIDED = "document.querySelectorAll('#agents tbody tr .ev').length > 6"


@pytest.fixture(scope="module")
def session(desk, chromium):
    """Sign in once; every test opens its page with these cookies."""
    context = chromium.new_context()
    page = context.new_page()
    sign_in(page, desk)
    state = context.storage_state()
    context.close()
    return state


def agents_page(desk, session, open_page, **how):
    page = open_page(storage=session, **how)
    page.goto(f"{desk.url}/agents")
    until(page, DECIDED, within_s=FIRST_ROUND_WITHIN_S)
    return page


def test_seven_agents_vote_with_evidence_and_the_record_replays(desk, session, open_page, results):
    page = agents_page(desk, session, open_page, scheme="light")

    votes = page.eval_on_selector_all("#agents tbody .vote b", "cells => cells.map((cell) => cell.textContent)")
    assert len(votes) == 7
    assert len(set(votes)) > 1
    assert "too few yet" in page.inner_text("#agents")
    page.screenshot(path=results / "agents.png", full_page=True)

    page.click("#agents tbody tr:nth-child(3) .ev:nth-child(2)")
    page.wait_for_selector("dialog.record[open] tr.asked")
    assert "the same" in page.inner_text("dialog.record .steps")
    assert "no quantity" in page.inner_text("dialog.record .steps")
    page.screenshot(path=results / "agents-record.png")
    page.click("dialog.record .acts button")

    page.click("#agents tbody tr:nth-child(2) button.quiet")
    until(page, "document.querySelector('#agents-sub').textContent.startsWith('6 asked')")
    page.click("#agents tbody tr:nth-child(2) button.quiet")
    until(page, "document.querySelector('#agents-sub').textContent.startsWith('7 asked')")
    assert page.evaluate("watched.blocked") == []


def test_both_venues_have_their_agents_and_a_phone_shows_them_within_its_width(desk, session, open_page, results):
    page = agents_page(desk, session, open_page, width=390, height=844)

    accounts = page.locator("#watches button")
    assert accounts.count() == 2
    accounts.nth(1).click()
    until(page, "/BTCUSDT/.test(document.querySelector('#instruments').textContent)")
    until(page, DECIDED, within_s=FIRST_ROUND_WITHIN_S)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.screenshot(path=results / "agents-phone.png", full_page=True)
