"""The pages of the analysis in a real browser: a scan explained, a rule counted as it is written, an alert that fires."""

import pytest

from tests.journeys.pages import sign_in, until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WITHIN_S = 60
FIRST_SCAN_WITHIN_S = 150
LEVEL_STEP = 0.0005
LEVELS_AWAY = (1, 2, 4, 8)
# A stock without candles is asked for by its symbol; the browser's own line about the 404 is expected.
REFUSED = "the server responded with a status of 4"

ASK = """async ([method, path, body]) => {
  const answer = await fetch(path, {method, credentials: "same-origin", body: body ? JSON.stringify(body) : undefined, headers: {
    "Content-Type": "application/json", "X-CSRFToken": document.querySelector("meta[name=csrf-token]").content}});
  return answer.json();
}"""
SCANNED = "fetch('/api/analysis/results').then((answer) => answer.json()).then((head) => head.count > 0)"
# What was seen of the progress, however short it was.
SEE_PROGRESS = """() => {
  const place = document.querySelector("#progress");
  window.seen = [];
  new MutationObserver(() => place.hidden || window.seen.push(document.querySelector("#progress-says").textContent))
    .observe(place, {attributes: true, childList: true, subtree: true, characterData: true});
}"""
WIDER_THAN_THE_SCREEN = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def session(desk, chromium):
    """Sign in once; every test opens its pages with these cookies."""
    context = chromium.new_context()
    page = context.new_page()
    sign_in(page, desk)
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def opened(desk, session, open_page):
    """Open a page of the analysis and wait until it has figures."""

    def open_at(path, waits_for, **options):
        page = open_page(storage=session, **options)
        page.goto(f"{desk.url}{path}")
        page.wait_for_selector(waits_for, timeout=WITHIN_S * 1000)
        return page

    return open_at


def ask(page, method, path, body=None):
    return page.evaluate(ASK, [method, path, body])


def without_refusals(page):
    return [line for line in page.said if REFUSED not in line] + page.evaluate("watched.blocked")


def count(page):
    """Give the number of hits once the count has settled."""
    until(page, "!document.querySelector('#count').hasAttribute('aria-busy')", within_s=WITHIN_S)
    return int(page.inner_text("#count"))


@pytest.fixture
def members(opened):
    """Give members of the scan that the desk made by itself."""
    page = opened("/analysis", "#as-of")
    # the desk scans by itself once its prices move
    until(page, SCANNED, within_s=FIRST_SCAN_WITHIN_S)
    rows = ask(page, "GET", "/api/analysis/results")["results"]
    return [row["symbol"] for row in rows if row["score"] is not None][:6]


def test_a_scan_runs_with_progress_to_results_and_every_row_is_explained(opened, members, results):
    page = opened("/analysis", "#run:not([disabled])")
    listed = ask(page, "POST", "/api/analysis/watchlists", {"name": "Six of them", "instruments": members})
    page.goto(f"{page.url.split('?')[0]}?universe={listed['key']}")
    page.wait_for_selector("#run:not([disabled])")
    assert "Run scan" in page.inner_text("#nothing-says")

    page.evaluate(SEE_PROGRESS)
    page.click("#run")
    page.wait_for_selector("#results tbody tr", timeout=WITHIN_S * 1000)
    assert any("Six of them" in words for words in page.evaluate("seen"))
    assert page.is_hidden("#progress")

    assert sorted(row.split(":")[1] for row in members) == sorted(
        page.eval_on_selector_all("#results tbody th", "cells => cells.map((cell) => cell.textContent)")
    )
    page.focus("#results tbody tr:nth-child(1) .row-name")
    page.keyboard.press("ArrowDown")
    second = page.inner_text("#results tbody tr:nth-child(2) th")
    assert page.inner_text("#why h2") == second
    checks = page.eval_on_selector_all("#why .checks thead + tbody tr", "rows => rows.map((row) => row.innerText)")
    assert len(checks) == 13
    assert all(any(word in line for word in ("passes", "fails", "not known")) for line in checks)
    page.screenshot(path=results / "analysis-scan.png")

    with page.expect_download() as taken:
        page.click("#csv")
    lines = taken.value.path().read_text().splitlines()
    assert len(lines) == 1 + len(members)
    assert without_refusals(page) == []
    ask(page, "DELETE", f"/api/analysis/watchlists?id={listed['id']}")


def test_a_phone_explains_a_row_in_a_dialog_and_nothing_is_wider_than_it(opened, members, results):
    page = opened("/analysis", "#results tbody tr", width=390, height=844)

    page.click("#results tbody tr:nth-child(1) .row-name")

    page.wait_for_selector("dialog.why-dialog[open]")
    assert page.locator("dialog .checks thead + tbody tr").count() == 13
    page.screenshot(path=results / "analysis-scan-phone.png")
    for path in ("movers", "triggers", "rules", f"stock/{members[0]}"):
        page.goto(f"{page.url.split('/analysis')[0]}/analysis/{path}")
        page.wait_for_selector("#view:not([hidden])", timeout=WITHIN_S * 1000)
        assert not page.evaluate(WIDER_THAN_THE_SCREEN), path


def test_a_stock_shows_candles_with_their_table_figures_of_a_day_and_notes(opened, members):
    page = opened(f"/analysis/stock/{members[0]}", "#chart svg path.hollow")
    newest = page.inner_text("#figures-day")

    page.keyboard.press("c")
    page.keyboard.press("Home")
    assert page.inner_text("#figures-day") != newest

    page.keyboard.press("v")
    page.wait_for_selector("#twin-table tbody tr")
    assert page.inner_text("#twin-table tbody tr:nth-child(1) th") in newest

    page.fill("#note", "Results on Tuesday")
    page.click("#note-form button")
    page.wait_for_selector("#notes li:has-text('Results on Tuesday')")
    page.click("#notes li:has-text('Results on Tuesday') button")
    page.wait_for_selector("#notes li:has-text('Results on Tuesday')", state="detached")
    assert without_refusals(page) == []


def test_a_stock_that_nobody_knows_says_so_and_what_to_do(opened):
    page = opened("/analysis/stock/NSE:NOSUCHSTOCK", "#nothing:not([hidden])")

    assert "Scan page" in page.inner_text("#nothing-says")


def test_the_count_of_a_rule_follows_its_conditions(opened, members, results):
    page = opened("/analysis/rules", "#conditions .condition")
    page.click("#fresh")
    page.select_option("#condition-1-right", "")
    page.fill("#conditions .figure-field", "0")
    until(page, "document.querySelector('#rule-text').textContent.endsWith('above 0')", within_s=WITHIN_S)
    everybody = count(page)

    page.fill("#conditions .figure-field", "999999999")
    until(page, "document.querySelector('#count').textContent === '0'", within_s=WITHIN_S)
    page.select_option(".join", "any")
    page.click("text=Add condition")
    page.select_option("#condition-2-left", "close")
    page.select_option("#condition-2-right", "")
    page.fill("[data-place='2'] .figure-field", "1")
    until(page, "(all) => document.querySelector('#count').textContent === String(all)", argument=everybody)

    page.fill("[data-place='2'] .figure-field", "")
    until(page, "document.querySelector(\"[data-place='2']\").textContent.includes('A number is missing')")
    page.fill("[data-place='2'] .figure-field", "1")
    page.select_option("#condition-1-left", "sma")
    page.fill("[data-place='1'] .parameter .small-field", "9999")
    until(page, "document.querySelector(\"[data-place='1']\").classList.contains('is-wrong')", within_s=WITHIN_S)
    assert "500" in page.inner_text("[data-place='1'] .told")
    page.screenshot(path=results / "analysis-rules.png")
    assert everybody > 0
    assert without_refusals(page) == []


def test_a_rule_is_saved_loaded_tested_on_the_past_and_deleted(opened, members):
    page = opened("/analysis/rules", "#conditions .condition")
    page.fill("#rule-name", "Of the journey")
    page.click("#save")
    until(page, "document.querySelector('#load').selectedOptions[0].textContent === 'Of the journey'")

    page.click("#fresh")
    assert page.locator(".condition").count() == 1
    page.select_option("#load", label="Of the journey")
    assert page.locator(".condition").count() == 2

    page.click("#backtest")
    page.wait_for_selector("#past tbody tr", timeout=WITHIN_S * 1000)
    assert page.locator("#past tbody tr").count() == 3
    assert "n " in page.inner_text("#past-sub")

    page.click("#delete")
    page.click("dialog button.danger")
    until(page, "document.querySelector('#load').disabled || document.querySelector('#load').value === ''")
    assert without_refusals(page) == []


def test_alerts_fire_on_live_ticks_into_the_log_and_are_removed(opened, results):
    page = opened("/analysis/alerts?instrument=NSE:AXISBANK", "#alert-submit")
    until(page, "document.querySelectorAll('#alert-figure option').length > 0", within_s=WITHIN_S)
    page.fill("#alert-level", "1")
    page.check("#alert-at-once")
    page.fill("#alert-note", "of the journey")
    page.click("#alert-submit")
    page.wait_for_selector("#alerts tbody tr:has-text('of the journey')")
    until(page, "document.querySelector('#log').textContent.includes('of the journey')", within_s=WITHIN_S)
    page.wait_for_selector("#alerts tbody tr:has-text('of the journey'):has-text('fired')", timeout=WITHIN_S * 1000)

    # An alert that waits for a cross fires where the price comes from the other side: whichever way the price goes
    # from the value that was just seen, and however far it is from there by now, another level stands before it.
    first = next(row for row in ask(page, "GET", "/api/analysis/alerts/log")["results"] if row["level"] == "1")
    page.uncheck("#alert-at-once")
    for steps in LEVELS_AWAY:
        for side, way in (("above", 1), ("below", -1)):
            note = f"crossing {side} by {steps}"
            page.select_option("#alert-direction", side)
            page.fill("#alert-level", f"{float(first['value']) * (1 + way * steps * LEVEL_STEP):.2f}")
            page.fill("#alert-note", note)
            page.click("#alert-submit")
            page.wait_for_selector(f"#alerts tbody tr:has-text('{note}')")
    until(page, "/crossing (above|below)/.test(document.querySelector('#log').textContent)", within_s=WITHIN_S)
    page.screenshot(path=results / "analysis-alerts.png")

    while page.locator("#alerts tbody button").count():
        rows = page.locator("#alerts tbody tr").count()
        page.click("#alerts tbody tr:first-child button")
        until(page, "(rows) => document.querySelectorAll('#alerts tbody tr').length < rows", argument=rows)
    assert page.is_visible("#alerts-empty")
    assert "of the journey" in page.inner_text("#log")
    assert without_refusals(page) == []


def test_an_alert_on_an_indicator_asks_for_its_parameters_and_is_taken_up(opened):
    page = opened("/analysis/alerts?instrument=NSE:AXISBANK", "#alert-submit")
    until(page, "document.querySelectorAll('#alert-figure option').length > 0", within_s=WITHIN_S)
    page.select_option("#alert-figure", "rsi@")
    page.select_option("#alert-timeframe", "1m")
    page.fill("#alert-bars input[name=period]", "9")
    page.fill("#alert-level", "30")
    page.select_option("#alert-direction", "below")
    page.click("#alert-submit")
    row = page.locator("#alerts tbody tr:has-text('RSI(9), 1 min at or below 30')")
    row.wait_for()

    row.get_by_role("button").click()
    row.wait_for(state="detached")
    assert without_refusals(page) == []


def test_a_watchlist_is_made_changed_and_scanned(opened, members):
    page = opened("/analysis/alerts", "#lists-empty:not([hidden]), #lists li")
    page.fill("#list-name", "Three")
    page.fill("#list-instruments", ", ".join(members[:3]))
    page.click("#list-submit")
    row = page.locator("#lists li:has-text('Three')")
    row.wait_for()

    row.get_by_role("button", name="Edit").click()
    page.fill("#list-instruments", members[0].split(":")[1].lower())
    page.click("#list-submit")
    page.wait_for_selector("#lists li:has-text('1 instrument')")
    row.get_by_role("link", name="Scan").click()
    page.wait_for_selector("#run:not([disabled])")
    assert page.evaluate("document.querySelector('#universe').selectedOptions[0].textContent").startswith("Three")

    page.go_back()
    row.get_by_role("button", name="Delete").click()
    page.click("dialog button.danger")
    row.wait_for(state="detached")
    assert without_refusals(page) == []
