"""From a chain to four filled legs: the builder in a real browser against the whole desk."""

import re

import pytest

from tests.journeys.pages import sign_in, until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

BUILDER = "/options/builder?underlying=NIFTY"
FOLLOWED_WITHIN_S = 90
FILLED_WITHIN_S = 90
SIZES = {"desk": (1440, 900), "phone": (390, 844)}
MOST_SHIFT = 0.02
FIGURES = ("max-profit", "max-loss", "breakevens", "chance", "greek-delta", "margin-peak")
LEGS = "[...document.querySelectorAll('#legs tbody tr')]"
# A refused request is the browser's own line in the console; the page shows what it means.
EXPECTED_LINES = re.compile(r"the server responded with a status of (400|404)")


@pytest.fixture(scope="module")
def session(desk, chromium):
    """Sign in once, and wait until the desk follows a chain; every test opens its pages with these cookies."""
    context = chromium.new_context()
    page = context.new_page()
    sign_in(page, desk)
    until(page, FOLLOWED, within_s=FOLLOWED_WITHIN_S)
    state = context.storage_state()
    context.close()
    return state


FOLLOWED = """() => fetch("/api/options/builder/templates?underlying=NIFTY")
  .then((answer) => answer.ok ? answer.json() : null)
  .then((found) => found !== null && found.spot !== null && found.expiries.length > 1)"""


def open_builder(desk, session, open_page, *, path=BUILDER, **view):
    page = open_page(storage=session, **view)
    page.goto(f"{desk.url}{path}")
    page.wait_for_selector("#suggested [data-template=iron_condor]", state="attached", timeout=30_000)
    return page


def figure(page, name):
    return page.inner_text(f"#{name}")


def is_priced(page):
    until(page, "document.querySelector('#max-profit').innerText.includes('₹')")
    until(page, f"{LEGS}.every((row) => row.querySelector('select').options.length > 4)")


def test_a_condor_is_picked_from_the_chain_bent_saved_opened_and_filled_on_paper(desk, session, open_page, results):
    page = open_builder(desk, session, open_page)

    _pick_a_condor(page)
    assert page.evaluate(f"{LEGS}.map((row) => row.querySelector('.side').innerText)") == ["B", "B", "S", "S"]
    assert {figure(page, name) for name in FIGURES}.isdisjoint({"–", ""})
    assert "unbounded" not in figure(page, "max-loss")

    _bend(page)
    page.screenshot(path=results / "builder-1-bent.png", full_page=True)

    kept = page.evaluate("new URLSearchParams(location.search).get('legs')")
    _save_and_open(page, "Journey's condor", kept)

    _send(page, results)
    assert page.evaluate("watched.blocked") == []
    assert [line for line in page.said if not EXPECTED_LINES.search(line)] == []


def _pick_a_condor(page):
    """Press a bid and an ask on either side of the money, two and four strikes away."""
    page.click("#add-leg")
    page.wait_for_selector("dialog.chain-picker .picks .atm")
    strikes = page.evaluate(
        "[...document.querySelectorAll('.picks tbody th')].map((cell) => cell.innerText.replaceAll(',', ''))"
    )
    money = page.evaluate(
        "[...document.querySelectorAll('.picks tbody tr')].findIndex((row) => row.classList.contains('atm'))"
    )
    wanted = [("SELL", -2, "PE"), ("BUY", -4, "PE"), ("SELL", 2, "CE"), ("BUY", 4, "CE")]
    for side, away, kind in wanted:
        page.click(f"[data-pick='{side}:{strikes[money + away]}:{kind}']")
    page.click("dialog.chain-picker .acts button")
    until(page, f"{LEGS}.length === 4")
    is_priced(page)


def _bend(page):
    """Move each slider by keys: the figures of the what-if change, those of the expiry do not."""
    at_expiry, before = figure(page, "breakevens"), figure(page, "what-profit")
    for slider in ("what-spot", "what-points", "what-days"):
        page.focus(f"#{slider}")
        for _ in range(3):
            page.keyboard.press("ArrowRight")
        until(
            page,
            "(before) => document.querySelector('#what-profit').innerText !== before",
            argument=before,
        )
        before = figure(page, "what-profit")
    assert "+0.3 %" in figure(page, "what-spot-says")
    assert "+1.5 points" in figure(page, "what-points-says")
    assert figure(page, "what-days-says") != "now"
    assert abs(_first_level(figure(page, "breakevens")) - _first_level(at_expiry)) < 100
    page.click("#what-reset")
    until(page, "document.querySelector('#what-days-says').innerText === 'now'")


def _first_level(text):
    return float(text.split(" and ")[0].replace(",", ""))


def _save_and_open(page, name, kept):
    page.click("#save")
    page.fill("#save-name", name)
    page.check("#save-replace")
    page.click("dialog[open] button[type=submit]")
    page.wait_for_selector("dialog[open]", state="detached")
    page.click("#clear")
    until(page, f"{LEGS}.length === 0")
    page.reload()
    page.wait_for_selector("#suggested [data-template=iron_condor]", timeout=30_000)
    page.click("#open-saved")
    page.click(f'dialog[open] [data-saved="{name}"]')
    until(page, f"{LEGS}.length === 4")
    is_priced(page)
    opened = page.evaluate("new URLSearchParams(location.search).get('legs')")
    assert sorted(opened.split(",")) == sorted(kept.split(","))
    assert figure(page, "legs-title") == name


def _send(page, results):
    page.keyboard.press("p")
    page.wait_for_selector("dialog.send[open]")
    says = page.inner_text("dialog.send")
    orders = page.evaluate("[...document.querySelectorAll('dialog.send .order li')].map((one) => one.innerText)")
    assert [order.split()[0] for order in orders] == ["Buy", "Buy", "Sell", "Sell"]
    assert "worst case" in says
    assert "margin" in says
    page.screenshot(path=results / "builder-2-confirm.png")
    # the demo's market runs sixty times as fast as this test
    page.check("dialog.send input[value=market]")
    page.click("dialog.send button[type=submit]")
    page.wait_for_selector(".basket-says.filled", timeout=FILLED_WITHIN_S * 1000)
    assert page.locator(".progress li[data-status=FILLED]").count() == 4
    page.screenshot(path=results / "builder-3-filled.png")


def test_a_template_is_found_by_its_words_and_built_by_keys_alone(desk, session, open_page):
    page = open_builder(desk, session, open_page)

    page.keyboard.press("m")
    page.keyboard.type("butterfly below")
    page.keyboard.press("Enter")
    until(page, f"{LEGS}.length === 3")
    is_priced(page)

    assert figure(page, "legs-title") == "Put butterfly below"
    first = page.evaluate("new URLSearchParams(location.search).get('legs')")
    page.keyboard.press("]")
    until(page, "(first) => new URLSearchParams(location.search).get('legs') !== first", argument=first)


def test_legs_come_by_the_address_and_what_is_wrong_with_one_is_said(desk, session, open_page):
    page = open_builder(desk, session, open_page, path=f"{BUILDER}&legs=BUY:NFO:NIFTY00JAN1CE:1")

    until(page, "document.querySelector('#legs-wrong').innerText.includes('is not listed')")

    assert figure(page, "max-profit") == "–"
    assert page.is_disabled("#send")


@pytest.mark.parametrize("view", [f"{size}-{scheme}" for size in SIZES for scheme in ("dark", "light")])
def test_nothing_jumps_and_it_fits(desk, session, open_page, results, view):
    size, scheme = view.split("-")
    width, height = SIZES[size]
    path = f"{BUILDER}&template=iron_condor"
    page = open_builder(desk, session, open_page, path=path, scheme=scheme, width=width, height=height)
    is_priced(page)
    page.wait_for_timeout(2000)
    shift = page.evaluate("watched.shift")

    page.focus("#what-points")
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(1500)

    page.screenshot(path=results / f"builder-{view}.png", full_page=True)
    assert page.evaluate("watched.shift") - shift < MOST_SHIFT, page.evaluate("watched.shifts")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("watched.blocked") == []
    assert page.said == []
