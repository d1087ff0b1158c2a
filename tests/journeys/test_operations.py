"""The Operations page: faults of the simulated exchange switched live by keyboard, refusals in a sentence."""

import pytest

from tests.journeys.pages import first_tick_ms, sign_in, until

pytestmark = pytest.mark.slow

WITHIN_S = 30


def waiting(page):
    state = page.evaluate("fetch('/operations/state').then((answer) => answer.json())")
    return [(entry["kind"], entry["left"]) for entry in state["faults"]["waiting"]]


def test_faults_are_switched_live_and_every_switch_says_what_it_did(desk, open_page, results):
    page = open_page()
    sign_in(page, desk)
    first_tick_ms(page)
    page.keyboard.press("g")
    page.keyboard.press("x")
    page.wait_for_selector("#fault-duplicate_frames")

    until(page, "document.querySelector('#processes').textContent.includes('desk1')", within_s=WITHIN_S)
    assert page.inner_text("#accounts tbody th") != ""

    # On and off by keyboard alone: the first fault by its key, the next by an arrow.
    page.keyboard.press("f")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    until(page, "document.activeElement.getAttribute('aria-checked') === 'true'", within_s=WITHIN_S)
    assert waiting(page) == [("http_429", 0)]
    assert "until switched off" in page.inner_text("#fault-http_429 .struck")
    page.keyboard.press("Space")
    until(page, "document.activeElement.getAttribute('aria-checked') === 'false'", within_s=WITHIN_S)
    assert waiting(page) == []

    # A refusal stands beside the field, and nothing is switched.
    page.fill("#fault-partial_fills [data-name=fraction]", "2")
    page.click("#fault-partial_fills [data-act]")
    until(
        page, "document.querySelector('#fault-partial_fills .wrong').textContent.includes('below 1')", within_s=WITHIN_S
    )
    assert page.evaluate("document.activeElement.dataset.name") == "fraction"
    assert waiting(page) == []

    # What strikes at once says what it hit, and is counted.
    page.click("#fault-drop_socket [data-act]")
    until(page, "document.querySelector('#toasts').textContent.includes('Streams break off: hit')", within_s=WITHIN_S)
    until(
        page, "document.querySelector('#fault-drop_socket .struck').textContent !== 'struck never'", within_s=WITHIN_S
    )

    page.fill("#fault-late_frames [data-name=count]", "2")
    page.click("#fault-late_frames [data-act]")
    page.click("#fault-reorder_frames [data-act]")
    until(page, "document.querySelectorAll('.fault.on').length >= 1", within_s=WITHIN_S)
    page.screenshot(path=results / "operations-dark-desk.png", full_page=True)
    page.click("#all-off")
    until(page, "document.querySelectorAll('.fault.on').length === 0", within_s=WITHIN_S)
    assert waiting(page) == []
    blocked = [line for line in page.said if "400" not in line]
    assert blocked == page.evaluate("window.watched.blocked") == []


def test_the_search_finds_what_the_exchange_lists_from_any_page(desk, open_page):
    page = open_page()
    sign_in(page, desk)
    page.goto(f"{desk.url}/operations")
    page.wait_for_selector(".fault")

    page.keyboard.press("/")
    page.keyboard.type("nifty 26 ce")
    until(page, "document.querySelectorAll('.palette [role=option] .sub').length > 1", within_s=WITHIN_S)
    chosen = page.inner_text(".palette [aria-selected=true] span:first-child")
    page.keyboard.press("Enter")
    page.wait_for_selector("#start[open]")

    assert chosen.startswith("NIFTY")
    assert chosen.endswith("CE")
    assert chosen in page.inner_text("#start-picked")


def test_the_kill_switch_is_one_key_away_from_any_page(desk, open_page):
    page = open_page()
    sign_in(page, desk)
    page.goto(f"{desk.url}/operations")
    page.wait_for_selector(".fault")

    page.keyboard.press("k")
    page.wait_for_selector("dialog.kill[open]")

    assert page.evaluate("document.activeElement.id") == "second-step"


def test_the_page_fits_a_phone_in_the_light(desk, open_page, results):
    page = open_page(scheme="light", width=390, height=844)
    sign_in(page, desk)
    page.goto(f"{desk.url}/operations")
    page.wait_for_selector(".fault")

    page.screenshot(path=results / "operations-light-phone.png")

    assert page.evaluate("document.documentElement.scrollWidth") == 390
    small = "[...document.querySelectorAll('.fault button')].filter((one) => one.getBoundingClientRect().height < 44).length"
    assert page.evaluate(small) == 0
