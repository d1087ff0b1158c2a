"""What several journeys do on the pages."""


def sign_in(page, desk):
    """Sign in by password and wait for the desk page."""
    page.goto(f"{desk.url}/accounts/login/")
    page.fill("input[name=login]", desk.user)
    page.fill("input[name=password]", desk.password)
    page.click("#sign-in button[type=submit]")
    page.wait_for_selector("#pnl-title")


def first_tick_ms(page):
    """Wait for the page's own mark of the first quote it showed; milliseconds since the navigation began."""
    page.wait_for_function("performance.getEntriesByName('desk:first-tick').length > 0", timeout=15_000)
    return page.evaluate("performance.getEntriesByName('desk:first-tick')[0].startTime")
