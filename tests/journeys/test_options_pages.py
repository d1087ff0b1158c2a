"""The option pages in a real browser: a chain that fills and moves, an earlier minute of it, legs on their way."""

import re

import pytest

from tests.journeys.pages import sign_in, until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WITHIN_S = 60
MINUTE_WITHIN_S = 150
MOST_SHIFT = 0.1
PAGES = ("", "/oi", "/volatility", "/gamma", "/straddle", "/alerts")
NO_FIGURE = re.compile(r"\bNaN\b|undefined|\[object|Infinity")
FILLED = "document.querySelectorAll('#chain tbody tr').length > 10 && /[0-9]/.test(document.querySelector('#strip-forward').textContent)"
QUOTED = "[...document.querySelectorAll('#chain tbody button.quote')].filter((one) => !one.disabled && !one.hidden).length > 8"
CELLS = "document.querySelector('#chain tbody').innerText"
UNNAMED = """() => [...document.querySelectorAll("main button, main a, main input, main select, main [role=img]")].filter((element) => {
  if (element.closest("[hidden]")) return false;
  const label = element.labels?.length ? element.labels[0].textContent : "";
  return !(element.getAttribute("aria-label") || label || element.textContent || element.title).trim();
}).map((element) => element.outerHTML.slice(0, 120))"""


@pytest.fixture(scope="module")
def session(desk, chromium):
    """Sign in once; every test opens its pages with these cookies."""
    context = chromium.new_context()
    page = context.new_page()
    sign_in(page, desk)
    state = context.storage_state()
    context.close()
    return state


def chain_page(desk, session, open_page, **how):
    page = open_page(storage=session, **how)
    page.goto(f"{desk.url}/options?underlying=NIFTY")
    until(page, FILLED, within_s=WITHIN_S)
    return page


def check_words(page):
    assert not NO_FIGURE.search(page.inner_text("body"))
    assert page.evaluate("watched.blocked") == []


def test_the_chain_fills_with_live_figures_and_goes_on_changing(desk, session, open_page, results):
    page = chain_page(desk, session, open_page)
    until(page, "document.querySelector('#link').textContent === 'Connected'", within_s=WITHIN_S)
    until(page, QUOTED, within_s=WITHIN_S)

    before = page.evaluate(CELLS)
    until(page, f"(before) => {CELLS} !== before", argument=before, within_s=WITHIN_S)

    page.screenshot(path=results / "options-chain.png")
    assert page.locator("#chain tbody tr.atm").count() == 1
    assert "Black-76" in page.inner_text("#convention")
    assert page.evaluate("watched.shift") < MOST_SHIFT, page.evaluate("watched.shifts")
    assert page.evaluate(UNNAMED) == []
    check_words(page)


def test_an_earlier_minute_is_looked_at_and_left_again(desk, session, open_page):
    page = chain_page(desk, session, open_page)
    until(page, "Number(document.querySelector('#time-at').max) >= 2", within_s=MINUTE_WITHIN_S)

    page.focus("#chain tbody button[tabindex='0']")
    page.keyboard.press(",")
    page.keyboard.press(",")
    until(page, "document.querySelector('#link').textContent === 'Time machine'", within_s=WITHIN_S)
    until(page, "document.querySelector('#data-source').textContent === 'from the time machine'", within_s=WITHIN_S)
    kept = page.evaluate(CELLS)
    page.wait_for_timeout(1500)
    assert page.evaluate(CELLS) == kept
    check_words(page)

    page.keyboard.press("l")
    until(page, "document.querySelector('#link').textContent === 'Connected'", within_s=WITHIN_S)
    until(page, f"(kept) => {CELLS} !== kept", argument=kept, within_s=WITHIN_S)


def test_the_words_of_an_earlier_minute_wait_for_its_figures(desk, session, open_page):
    page = chain_page(desk, session, open_page)
    until(page, "Number(document.querySelector('#time-at').max) >= 1", within_s=MINUTE_WITHIN_S)
    held = []

    def hold(route):
        held.append(route)

    page.route(re.compile(r"/api/options/chain\?.*\bat="), hold)

    page.focus("#chain tbody button[tabindex='0']")
    page.keyboard.press(",")
    until(page, "document.querySelector('#link').textContent === 'Reading the minute'")
    # the page says anew each second where its figures are from
    page.wait_for_timeout(1500)
    assert page.text_content("#link") == "Reading the minute"
    assert page.text_content("#data-source") != "from the time machine"

    held.pop().continue_()
    until(page, "document.querySelector('#link').textContent === 'Time machine'", within_s=WITHIN_S)
    assert page.text_content("#data-source") == "from the time machine"


def test_a_chart_without_figures_has_its_name_and_says_so(desk, session, open_page):
    page = open_page(storage=session)
    page.route(re.compile(r"/api/options/history"), lambda route: route.abort())
    page.goto(f"{desk.url}/options/oi?underlying=NIFTY")
    until(page, "document.querySelectorAll('#profile tbody tr').length > 10", within_s=WITHIN_S)

    assert page.inner_text("#day-plot .readout") == "The lines begin with the first stored minute."
    assert page.inner_text("#pcr-plot .readout") == "The line begins with the first stored minute."
    assert page.evaluate(UNNAMED) == []
    check_words(page)


def test_legs_are_picked_by_keyboard_and_by_click_and_carried_to_the_builder(desk, session, open_page):
    page = chain_page(desk, session, open_page)
    until(page, QUOTED, within_s=WITHIN_S)

    page.locator("#chain tbody tr.atm button[data-side=SELL][data-kind=ce]:not([disabled])").click()
    until(page, "!document.querySelector('#dock').hidden")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("b")
    until(page, "document.querySelectorAll('#picked li').length === 2")

    words = page.inner_text("#dock")
    assert "at bid" in words
    assert "at ask" in words
    legs = page.get_attribute("#dock-builder", "href").split("legs=")[1].split(",")
    assert sorted(leg.split(":")[0] for leg in legs) == ["BUY", "SELL"]
    assert all(leg.endswith("CE:1") for leg in legs)

    page.keyboard.press("c")
    until(page, "document.querySelector('#dock').hidden")


def test_open_interest_is_shown_by_strike_and_since_another_moment(desk, session, open_page, results):
    page = open_page(storage=session)
    page.goto(f"{desk.url}/options/oi?underlying=NIFTY")
    until(page, "document.querySelectorAll('#profile tbody tr').length > 10", within_s=WITHIN_S)
    until(page, "/[0-9]/.test(document.querySelector('#sum-pcr').textContent)", within_s=WITHIN_S)

    page.click("#since [data-since='1m']")
    until(page, "document.querySelector('#since [data-since=\"1m\"]').getAttribute('aria-pressed') === 'true'")
    until(page, "/1 minute ago/.test(document.querySelector('#against').textContent)", within_s=WITHIN_S)

    page.click("#day-table")
    page.wait_for_selector("dialog[open] table, dialog[open] .twin p")
    page.click("dialog[open] button")
    page.screenshot(path=results / "options-oi.png")
    check_words(page)


def test_a_pages_chain_can_be_another_underlyings(desk, session, open_page):
    page = chain_page(desk, session, open_page)
    names = page.evaluate("[...document.querySelectorAll('#underlying option')].map((one) => one.value)")
    assert {"NIFTY", "SENSEX"} <= set(names)

    page.select_option("#underlying", "SENSEX")

    until(page, "location.search.includes('underlying=SENSEX')")
    until(page, FILLED, within_s=WITHIN_S)
    assert "underlying=SENSEX" in page.get_attribute(".tabs a:nth-child(2)", "href")


def test_screens_are_reached_by_keys_and_by_the_search(desk, session, open_page):
    page = open_page(storage=session)
    page.goto(desk.url)
    page.wait_for_selector("#pnl-title")
    page.wait_for_load_state()

    page.keyboard.press("g")
    page.keyboard.press("o")
    page.wait_for_selector("#chain")
    page.wait_for_load_state()
    page.keyboard.press("/")
    page.keyboard.type("gamma")
    page.keyboard.press("Enter")

    page.wait_for_selector("#gex-rows")


@pytest.mark.parametrize("view", ["desk-light", "desk-dark", "phone-light", "phone-dark"])
def test_every_page_fits_its_screen_and_names_its_controls(desk, session, open_page, results, view):
    size, scheme = view.split("-")
    width, height = {"desk": (1440, 900), "phone": (390, 844)}[size]
    page = open_page(scheme=scheme, width=width, height=height, storage=session)

    for path in PAGES:
        page.goto(f"{desk.url}/options{path}?underlying=NIFTY")
        until(page, "!document.querySelector('#content').hidden", within_s=WITHIN_S)
        page.wait_for_timeout(1500)
        page.screenshot(path=results / f"options{path.replace('/', '-')}-{view}.png", full_page=size == "phone")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert page.evaluate(UNNAMED) == [], path
        check_words(page)
    assert page.said == []


def test_an_alert_on_a_chain_is_set_switched_and_removed(desk, session, open_page):
    page = open_page(storage=session)
    page.goto(f"{desk.url}/options/alerts?underlying=NIFTY")
    until(page, "!document.querySelector('#alerts-empty').hidden", within_s=WITHIN_S)

    page.select_option("#measure", "atm_iv")
    page.fill("#level", "14.5")
    page.click("#wish-submit")
    until(page, "/ATM IV crosses 14.5 %/.test(document.querySelector('#alerts tbody').textContent)")
    assert page.inner_text("#alerts .chip") == "watched"
    page.click("#alerts tbody button:has-text('Switch off')")
    until(page, "document.querySelector('#alerts .chip').textContent === 'off'")
    page.click("#alerts tbody button:has-text('Remove')")

    until(page, "document.querySelector('#alerts').hidden")
    check_words(page)
