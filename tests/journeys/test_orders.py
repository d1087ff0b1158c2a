"""An order's page in a real browser: reached from the desk, told from its signal to its fill."""

import pytest

from tests.journeys.pages import sign_in, until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WITHIN_S = 90
A_FILLED_ORDER = """async () => {
  const {results} = await (await fetch("/api/orders")).json();
  return results.find((row) => row.status === "FILLED" && row.origin === "DESK")?.id ?? null;
}"""
WIDER_THAN_THE_SCREEN = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


def test_an_order_is_told_from_its_signal_to_its_fill(desk, open_page, results):
    page = open_page()
    sign_in(page, desk)
    page.wait_for_selector("#flight a.what[href]", timeout=WITHIN_S * 1000)
    until(page, f"({A_FILLED_ORDER})()", within_s=WITHIN_S)
    order = page.evaluate(A_FILLED_ORDER)

    page.goto(f"{desk.url}/orders/{order}")
    page.wait_for_selector("#steps li[data-who=venue]")

    said = page.inner_text("#steps")
    assert "journalled before sending" in said
    assert "filled " in said
    assert page.inner_text("#status") == "FILLED"
    assert page.locator("#fills tr").count() >= 1
    page.screenshot(path=results / "order.png")
    page.set_viewport_size({"width": 390, "height": 844})
    assert not page.evaluate(WIDER_THAN_THE_SCREEN)
    assert page.said + page.evaluate("watched.blocked") == []
