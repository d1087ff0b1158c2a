"""From a stock to a backtest to paper, in a real browser."""

import pytest

from tests.journeys.pages import sign_in, until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WITHIN_S = 90
# the first backtest on a machine compiles its loops
FIRST_WITHIN_S = 240
READY = "fetch('/api/backtests/offered').then((answer) => answer.json()).then((all) => all.instruments.length > 0)"
WIDER_THAN_THE_SCREEN = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
STOCK = "NSE:RELIANCE"


@pytest.fixture(scope="module")
def session(desk, chromium):
    """Sign in once; every test opens its pages with these cookies."""
    context = chromium.new_context()
    page = context.new_page()
    sign_in(page, desk)
    until(page, READY, within_s=FIRST_WITHIN_S)
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def run_page(desk, session, open_page):
    """Run a backtest from its form and open what came of it."""

    def opened(query, **options):
        page = open_page(storage=session, **options)
        page.goto(f"{desk.url}/strategies/backtests?{query}")
        page.wait_for_selector("#run:not([disabled])", timeout=WITHIN_S * 1000)
        page.click("#run")
        page.wait_for_selector("#view:not([hidden])", timeout=FIRST_WITHIN_S * 1000)
        return page

    return opened


def test_a_stock_is_backtested_from_its_address_compared_and_started_on_paper(run_page, results):
    run_page(f"strategy=rsi&instrument={STOCK}")
    page = run_page(f"strategy=ema-crossover&instrument={STOCK}")

    assert page.inner_text("#name") == "EMA crossover on RELIANCE"
    assert page.inner_text("#state") == "Done"
    assert page.locator("#verdicts > div").count() == 4
    assert "No lookahead found" in page.inner_text("#verdicts")
    assert page.locator("#equity path.line").count() == 2
    assert page.locator("#price path.entry").count() == page.locator("#trades tbody tr").count() > 0
    assert page.locator("#surface td.now").count() == 1
    assert "made for the demo" in page.inner_text("#remarks")

    page.focus("#equity")
    page.keyboard.press("Home")
    assert "₹ 10,00,000" in page.inner_text("#equity-says")
    page.select_option("#other", index=1)
    until(page, "document.querySelectorAll('#statistics thead th').length === 4", within_s=WITHIN_S)
    page.screenshot(path=results / "backtest.png", full_page=True)

    page.click("#paper")
    page.click("dialog.paper-dialog button.primary")
    until(page, "document.querySelector('#toasts').textContent.includes('runs on paper')", within_s=WITHIN_S)
    running = page.evaluate("fetch('/api/strategies').then((answer) => answer.json())")["results"]
    assert any(row["instruments"] == [STOCK] and row["mode"] == "paper" for row in running)
    assert page.said == []
    assert page.evaluate("watched.blocked") == []


def test_what_cannot_be_is_told_beside_its_field_and_a_phone_shows_all(run_page, results):
    page = run_page(f"strategy=rsi&instrument={STOCK}", width=390, height=844)
    assert not page.evaluate(WIDER_THAN_THE_SCREEN)
    page.screenshot(path=results / "backtest-phone.png", full_page=True)

    page.click("#again")
    page.wait_for_selector("#run:not([disabled])")
    assert page.input_value("#instrument") == STOCK
    page.fill("#param-rsi_bars", "1")
    page.click("#run")

    page.wait_for_selector("[data-field='params.rsi_bars'] .wrong")
    assert "at least 2" in page.inner_text("[data-field='params.rsi_bars'] .wrong")
    page.goto(page.url.split("/strategies")[0] + "/strategies")
    page.wait_for_selector(".catalogue .card")
    assert not page.evaluate(WIDER_THAN_THE_SCREEN)
    assert "to 2026" in page.inner_text(".catalogue")
