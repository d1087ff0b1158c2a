"""A trading account at Aster, from an empty form to a desk that reads it with its key, and a key that is taken away."""

import re

import pytest

from brokers.simulator.aster.traders import SPARE_AGENT_KEY, SPARE_TRADER
from tests.journeys.pages import sign_in, until
from tests.journeys.test_accounts import TOO_WIDE
from tests.journeys.test_desk import SIZES, SMALL_TARGETS, UNNAMED

pytestmark = [pytest.mark.browser, pytest.mark.slow]

STRANGE_KEY = "5e" * 32
WRONG_SECRET = "notTheSecretOfThisKey0002"
# The dialog's refusals are the browser's own lines in the console; the page shows what they mean.
EXPECTED_LINES = re.compile(r"the server responded with a status of 40\d")


@pytest.fixture(scope="module")
def session(desk, chromium):
    """Sign in once; every test opens its pages with these cookies."""
    context = chromium.new_context()
    sign_in(context.new_page(), desk)
    state = context.storage_state()
    context.close()
    return state


def test_connects_an_agent_wallet_is_refused_for_a_strange_key_and_is_taken_up(desk, session, open_page, results):
    page = open_page(storage=session)
    page.goto(f"{desk.url}/brokers/accounts/connect")

    page.click("nav[aria-label=Venue] >> text=Aster")
    assert "Never the main wallet" in page.inner_text("main")
    _enter(page, secret=STRANGE_KEY)
    assert "belongs to the address" in page.inner_text(".errorlist")
    assert page.input_value("input[name=api_secret]") == ""
    page.screenshot(path=results / "aster-1-refused.png")

    _enter(page, secret=SPARE_AGENT_KEY)
    page.wait_for_selector("main:has-text('asks for no registered address')")
    page.click("a.button:has-text('Skip')")
    _test_until_the_key_is_proven(page)
    page.screenshot(path=results / "aster-2-tested.png")
    page.click("text=Next: take up")
    assert "is taken up" in page.inner_text("main")
    until(page, _status_of("live"), within_s=30)

    page.click("text=Its settings")
    _set_the_dead_man_s_switch(page)
    page.screenshot(path=results / "aster-3-settings.png", full_page=True)
    _desk_shows_it(page, desk, results)

    _replace_the_key(page, desk)
    assert [line for line in page.said if not EXPECTED_LINES.search(line)] == []
    assert page.evaluate("watched.blocked") == []
    _nothing_is_kept_in_the_clear(page, desk, [STRANGE_KEY, SPARE_AGENT_KEY, SPARE_AGENT_KEY.removeprefix("0x")])


def test_a_key_that_the_exchange_refuses_is_told_and_another_takes_its_place(desk, session, open_page, results):
    page = open_page(storage=session)
    page.goto(f"{desk.url}/brokers/accounts/connect?venue=aster&auth_scheme=hmac")
    page.fill("input[name=venue_user_id]", "older-key")
    page.fill("input[name=api_key]", SPARE_TRADER.api_key)
    page.fill("input[name=api_secret]", WRONG_SECRET)
    page.fill("input[name=label]", "Older key")
    page.click("main button[type=submit]")
    page.wait_for_selector("main:has-text('asks for no registered address')")

    until(page, _status_of("needs_login", label="Older key"), within_s=40)
    page.goto(desk.url)
    page.wait_for_selector("#asks li:has-text('Key refused')", timeout=20_000)
    page.screenshot(path=results / "aster-5-key-refused.png")
    page.click("#asks li:has-text('Older key') >> text=Enter another key")
    page.wait_for_selector("main:has-text('Key refused')")

    page.fill("input[name=api_secret]", SPARE_TRADER.api_secret)
    page.click("form[action$='/rekey'] button")
    page.wait_for_selector(".says:has-text('Stored and encrypted')")
    until(page, _status_of("live", label="Older key"), within_s=40)
    page.reload()
    assert "Key in use" in page.inner_text("main")
    assert page.said == []
    _nothing_is_kept_in_the_clear(page, desk, [WRONG_SECRET, SPARE_TRADER.api_secret])


@pytest.mark.parametrize("look", [(scheme, size) for scheme in ("dark", "light") for size in SIZES], ids="-".join)
def test_the_pages_of_a_key_fit_their_screen_and_name_their_parts(desk, session, open_page, results, look):
    scheme, size = look
    width, height = SIZES[size]
    page = open_page(scheme=scheme, width=width, height=height, storage=session)

    for path in ("?venue=aster", "?venue=aster&auth_scheme=hmac"):
        page.goto(f"{desk.url}/brokers/accounts/connect{path}")
        _fits(page, size)
        page.screenshot(path=results / f"aster-connect-{path[-4:]}-{scheme}-{size}.png", full_page=True)
    page.goto(f"{desk.url}/brokers/accounts")
    page.locator(".account-list .name", has_text="Aster").first.click()
    page.wait_for_selector("#countdown-title")
    _fits(page, size)
    page.screenshot(path=results / f"aster-one-{scheme}-{size}.png", full_page=True)


def test_one_account_or_both_are_looked_at_by_choice(desk, session, open_page, results):
    page = open_page(storage=session)
    page.goto(desk.url)
    until(page, "document.querySelector('#positions-sub').textContent !== ''")

    page.select_option("#scope", label="Simulated Aster")
    until(page, "document.querySelector('#pnl-net').textContent.endsWith('USDT')")
    symbols = page.locator("#quotes-table tbody th").all_inner_texts()
    assert symbols
    assert all(symbol.endswith("USDT") for symbol in symbols)
    assert page.inner_text("#market-phase") == "always open"
    page.screenshot(path=results / "aster-desk-one.png")

    page.select_option("#scope", "")
    until(page, "document.querySelector('#pnl-net').textContent.includes('₹')")
    until(page, "document.querySelector('#pnl-fx').textContent.includes('1 USDT is')", within_s=15)
    page.screenshot(path=results / "aster-desk-both.png")
    assert page.said == []


def test_a_perpetual_is_deployed_from_the_form_by_its_value(desk, session, open_page, results):
    page = open_page(storage=session)
    page.goto(desk.url)
    until(page, "document.querySelector('#positions-sub').textContent !== ''")
    before = page.locator("#strats li").count()

    page.select_option("#scope", label="Simulated Aster")
    page.keyboard.press("Escape")
    page.click("#start-one")
    page.select_option("#start-strategy", "ema-crossover")
    page.wait_for_selector("#param-fast")
    page.select_option("#start-account", label="Simulated Aster")
    assert page.locator("#param-lots, #param-product").count() == 0
    page.fill("#start-instrument", "sol")
    page.wait_for_selector("#start-found li:has-text('ASTER:SOLUSDT')")
    assert "step" in page.inner_text("#start-found li")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.fill("#param-order_value_quote", "250")
    page.screenshot(path=results / "aster-start.png")
    page.click("#start-submit")
    page.wait_for_selector("#start", state="hidden")

    page.select_option("#scope", "")
    until(page, "(before) => document.querySelectorAll('#strats li').length > before", argument=before)
    assert page.locator("#strats li", has_text="SOLUSDT").count() == 1


def _enter(page, *, secret):
    page.fill("input[name=venue_user_id]", SPARE_TRADER.user.lower())
    page.fill("input[name=api_key]", SPARE_TRADER.agent)
    page.fill("input[name=api_secret]", secret)
    page.fill("input[name=label]", "Spare perps")
    page.click("main button[type=submit]")
    page.wait_for_load_state()


def _test_until_the_key_is_proven(page):
    """Test as a person does who is told that a desk takes a few seconds."""
    for _ in range(30):
        page.click("main form[action$='/test'] button")
        page.wait_for_selector(".findings")
        if "Aster takes the key" in page.inner_text(".findings"):
            break
        page.wait_for_timeout(1000)
    found = page.inner_text(".findings")
    assert "Aster takes the key" in found
    assert "Not in order" not in found


def _set_the_dead_man_s_switch(page):
    assert "It removes protective stops too." in page.inner_text("main")
    page.fill("input[name=countdown_s]", "60")
    page.click("form[action$='/countdown'] button")
    assert "60 is not 120 to 3600 seconds" in page.inner_text(".says.wrong")
    page.fill("input[name=countdown_s]", "300")
    page.click("form[action$='/countdown'] button")
    page.wait_for_selector(".says:has-text('protective stops included')")


def _desk_shows_it(page, desk, results):
    page.goto(desk.url)
    until(page, "[...document.querySelectorAll('#scope option')].some((one) => one.textContent === 'Spare perps')")
    page.select_option("#scope", label="Spare perps")
    until(page, "document.querySelector('#pnl-cash').textContent.startsWith('50,000')", within_s=30)
    page.screenshot(path=results / "aster-4-desk.png")


def _replace_the_key(page, desk):
    """Put the same agent in place again, as one does who is not sure what is stored."""
    page.goto(f"{desk.url}/brokers/accounts")
    page.locator(".account-list li", has_text="Spare perps").locator("text=Settings").click()
    page.fill("input[name=api_key]", SPARE_TRADER.user)
    page.fill("input[name=api_secret]", STRANGE_KEY)
    page.click("form[action$='/rekey'] button")
    assert "is not an agent's address" in page.inner_text(".says.wrong")
    page.fill("input[name=api_key]", SPARE_TRADER.agent)
    page.fill("input[name=api_secret]", SPARE_AGENT_KEY)
    page.click("form[action$='/rekey'] button")
    page.wait_for_selector(".says:has-text('Stored and encrypted')")
    until(page, _status_of("live"), within_s=30)


def _status_of(state, *, label="Spare perps"):
    return f"""async () => {{
      const status = await (await fetch("/api/status")).json();
      return status.accounts.some((row) => row.label === "{label}" && row.state === "{state}");
    }}"""


def _fits(page, size):
    assert page.evaluate(UNNAMED) == []
    assert not page.evaluate(TOO_WIDE)
    if size == "phone":
        assert page.evaluate(SMALL_TARGETS) == []


def _nothing_is_kept_in_the_clear(page, desk, secrets):
    assert not any(secret in page.content() for secret in secrets)
    if desk.state is None:
        return
    logs = {path.name: path.read_text(errors="replace") for path in (desk.state / "logs").glob("*.log")}
    assert {"web.log", "desk1.log", "worker.log", "guardian.log"} <= set(logs)
    assert [(name, secret) for name, text in logs.items() for secret in secrets if secret in text] == []
