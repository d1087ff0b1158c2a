"""The risk page in a real browser: a limit loosened, taken back and tightened, a switch pulled and reset."""

import pytest

from tests.journeys.pages import sign_in, until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WITHIN_S = 60
ROW = (
    "[...document.querySelectorAll('#limits tbody tr')].find((row) => row.textContent.startsWith('Order valueaccount'))"
)
REFUSED = "the server responded with a status of 4"


def change(page, value):
    """Ask for a new figure of the account's order value."""
    page.get_by_role("button", name="Change Order value, account").click()
    page.fill("#limit-value", value)
    page.keyboard.press("Enter")


def test_limits_are_changed_and_a_switch_is_pulled_and_reset(desk, open_page, results):
    page = open_page()
    sign_in(page, desk)
    page.goto(f"{desk.url}/risk")
    page.wait_for_selector("#limits tbody tr", timeout=WITHIN_S * 1000)
    limit = page.evaluate("fetch('/api/risk/limits').then((answer) => answer.json())")["accounts"][0]["limits"]
    value = float(next(row["limit"] for row in limit if row["name"] == "max_order_value_quote"))

    # What cannot be a limit is refused beside the field, with what may be written.
    change(page, "-5")
    until(page, "document.querySelector('dialog .wrong').textContent.includes('Allowed: an amount above 0')")
    page.get_by_role("button", name="Cancel").click()

    # Looser waits, and can be taken back.
    change(page, f"{value * 2:.2f}")
    until(page, "document.querySelector('#waits').textContent.includes('Order value')")
    page.screenshot(path=results / "risk-dark-desk.png", full_page=True)
    page.locator("#waits li", has_text="Order value").get_by_role("button").click()
    until(page, "!document.querySelector('#waits').textContent.includes('Order value')")

    # Tighter holds at once, and its breach was tried in shadow.
    change(page, f"{value / 2:.2f}")
    until(page, f"{ROW}.textContent.includes('made smaller')")

    page.get_by_role("button", name="Block entries of").nth(1).click()
    page.fill("#second-step", "HALT")
    page.keyboard.press("Enter")
    until(page, "document.querySelector('#switches').textContent.includes('entries blocked')")
    page.get_by_role("button", name="Reset").click()
    page.fill("#second-step", "RELEASE")
    page.keyboard.press("Enter")
    until(page, "!document.querySelector('#switches').textContent.includes('entries blocked')")

    blocked = [line for line in page.said if REFUSED not in line] + page.evaluate("window.watched.blocked")
    assert blocked == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
