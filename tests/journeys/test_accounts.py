"""A second trading account, from an empty form to a login and out again, by mouse and by keyboard."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.journeys.pages import sign_in, until
from tests.journeys.test_desk import SIZES, SMALL_TARGETS, UNNAMED

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WRONG_SECRET, SECRET, KEY, PERSON = "a-wrong-secret-0003", "simulatedsecret0002", "simulatedkey0002", "CD5678"
# The simulated broker's own pages have no icon.
NOT_OURS = re.compile(r"the server responded with a status of 404")
TOO_WIDE = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def session(desk, chromium):
    """Sign in once; every test opens its pages with these cookies."""
    context = chromium.new_context()
    sign_in(context.new_page(), desk)
    state = context.storage_state()
    context.close()
    return state


def test_connects_an_account_is_refused_for_a_wrong_secret_logs_in_and_out(desk, session, open_page, results):
    page, tokens = open_page(storage=session), []
    page.on("request", lambda request: tokens.extend(parse_qs(urlsplit(request.url).query).get("request_token", [])))
    page.goto(desk.url)
    page.wait_for_selector("#pnl-title")

    _connect_by_keyboard(page)
    _declare_and_test(page)
    _log_in(page)
    assert "API secret stored here is not the one of this key" in page.inner_text(".says.wrong")
    page.screenshot(path=results / "accounts-1-refused.png")

    page.fill("input[name=api_secret]", SECRET)
    page.keyboard.press("Enter")
    page.wait_for_selector(".says:has-text('Stored and encrypted')")
    _log_in(page)
    page.wait_for_selector("main:has-text('is logged in until 06:00 IST')")
    _is_on_the_desk(page, desk)

    page.goto(f"{desk.url}/brokers/accounts")
    row = page.locator(".account-list li", has_text=PERSON)
    assert "…0002" in row.inner_text()
    assert "the broker sees 127.0.0.1" in row.inner_text()
    page.screenshot(path=results / "accounts-2-logged-in.png")
    row.locator("button", has_text="Log out").click()
    assert "exits included" in page.inner_text("dialog[open]")
    page.click("dialog[open] button[type=submit]")
    page.wait_for_selector(".says:has-text('is logged out')")
    assert "Needs login" in page.inner_text("main")
    _desk_knows_of_the_logout(page, desk)

    shown = page.content()
    assert [line for line in page.said if not NOT_OURS.search(line)] == []
    assert page.evaluate("watched.blocked") == []
    assert WRONG_SECRET not in shown
    assert len(set(tokens)) == 2
    _nothing_is_logged(desk, [WRONG_SECRET, SECRET, *tokens])


@pytest.mark.parametrize("look", [(scheme, size) for scheme in ("dark", "light") for size in SIZES], ids="-".join)
def test_the_pages_fit_their_screen_and_name_their_parts(desk, session, open_page, results, look):
    scheme, size = look
    width, height = SIZES[size]
    page = open_page(scheme=scheme, width=width, height=height, storage=session)

    for name, path in {"list": "", "connect": "/connect"}.items():
        page.goto(f"{desk.url}/brokers/accounts{path}")
        _fits(page, size)
        page.screenshot(path=results / f"accounts-{name}-{scheme}-{size}.png", full_page=True)
    page.goto(f"{desk.url}/brokers/accounts")
    page.locator(".account-list .name").first.click()
    page.wait_for_selector("#egress-title")
    _fits(page, size)
    page.screenshot(path=results / f"accounts-one-{scheme}-{size}.png", full_page=True)


def _connect_by_keyboard(page):
    page.wait_for_load_state()  # keys are heard once the page's modules have run
    page.keyboard.press("g")
    page.keyboard.press("c")
    page.wait_for_selector(".account-list")
    page.wait_for_load_state()
    page.keyboard.press("c")
    page.wait_for_selector("input[name=venue_user_id]")
    page.focus("input[name=venue_user_id]")
    for words in (PERSON.lower(), "", "Second", KEY, WRONG_SECRET):
        page.keyboard.type(words)
        page.keyboard.press("Tab")
    page.keyboard.press("Tab")  # past the way out
    page.keyboard.press("Enter")
    page.wait_for_selector("#postback")


def _declare_and_test(page):
    assert "/brokers/login/return" in page.input_value("#redirect")
    assert "/postbacks/" in page.input_value("#postback")
    page.click("text=Next: egress")
    page.fill("input[name=egress_address]", "127.0.0.1")
    page.click("text=Declare and go on")
    page.wait_for_selector(".findings")
    found = page.inner_text(".findings")
    assert "orders come from 127.0.0.1" in found
    assert "clock agrees" in found
    assert "Not in order" not in found
    page.click("text=Next: log in")


def _log_in(page):
    page.click("text=Log in at Kite")
    page.wait_for_selector("text=Simulated broker")
    page.click("button")
    page.wait_for_selector("main .says")


def _is_on_the_desk(page, desk):
    """Wait until the desk's own status says that it holds the account's session."""
    until(page, _status_of("live"), within_s=30)
    assert page.url.startswith(desk.url)


def _desk_knows_of_the_logout(page, desk):
    until(page, _status_of("needs_login"), within_s=30)
    assert page.url.startswith(desk.url)


def _status_of(state):
    return f"""async () => {{
      const status = await (await fetch("/api/status")).json();
      return status.accounts.some((row) => row.label === "Second" && row.state === "{state}");
    }}"""


def _fits(page, size):
    assert page.evaluate(UNNAMED) == []
    assert not page.evaluate(TOO_WIDE)
    if size == "phone":
        assert page.evaluate(SMALL_TARGETS) == []


def _nothing_is_logged(desk, secrets):
    if desk.state is None:
        return
    logs = {path.name: path.read_text(errors="replace") for path in (desk.state / "logs").glob("*.log")}
    assert {"web.log", "desk1.log", "worker.log", "guardian.log"} <= set(logs)
    found = [(name, secret) for name, text in logs.items() for secret in secrets if secret in text]
    assert found == []
