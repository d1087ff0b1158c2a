"""What several journeys do on the pages."""

import time


def sign_in(page, desk):
    """Sign in by password and wait for the desk page."""
    page.goto(f"{desk.url}/accounts/login/")
    page.fill("input[name=login]", desk.user)
    page.fill("input[name=password]", desk.password)
    page.click("#sign-in button[type=submit]")
    page.wait_for_selector("#pnl-title")


def until(page, expression, *, argument=None, within_s=30):
    """Wait until an expression holds on the page.

    Playwright's own `wait_for_function` evaluates text inside the page, which the desk's policy rightly forbids.
    """
    deadline = time.monotonic() + within_s
    while not page.evaluate(expression, argument):
        assert time.monotonic() < deadline, f"not within {within_s} s: {expression}"
        page.wait_for_timeout(50)


def first_tick_ms(page):
    """Wait for the page's own mark of the first quote it showed; milliseconds since the navigation began."""
    until(page, "performance.getEntriesByName('desk:first-tick').length > 0", within_s=15)
    return page.evaluate("performance.getEntriesByName('desk:first-tick')[0].startTime")
