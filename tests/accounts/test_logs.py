import io
import json
import logging

import pytest
import structlog

from config.logs import logging_settings, redact, redact_text

SECRETS = {
    "Kite's header": ("authorization: token abcd1234:Zx81yQ0pLmN4", "Zx81yQ0pLmN4"),
    "our header": ("Authorization: Bearer wh_0123456789abcdefghij", "0123456789abcdefghij"),
    "a query": ("GET /brokers/login/return?request_token=Qq11Ww22&state=x", "Qq11Ww22"),
    "a body": ('{"access_token": "Rr33Tt44Yy55"}', "Rr33Tt44Yy55"),
    "a checksum": ("checksum=9f86d081884c7d65", "9f86d081884c7d65"),
    "a sealed secret": ("row v1:k1:gAAAAABoAbCdEfGh_-12=", "gAAAAABoAbCdEfGh"),
    "a key in a sentence": ("key wh_abcdefghijklmnop1234 was refused", "abcdefghijklmnop1234"),
    "a password": ("password=correcthorse", "correcthorse"),
}


@pytest.mark.parametrize(("text", "secret"), SECRETS.values(), ids=SECRETS.keys())
def test_takes_a_secret_out_of_a_sentence(text, secret):
    assert secret not in redact_text(text)


@pytest.mark.parametrize("name", ["access_token", "api_secret", "password", "Authorization", "request_token", "cookie"])
def test_takes_out_what_is_named_as_a_secret_at_any_depth(name):
    event = redact(None, "info", {"event": "x", "reply": {"data": [{name: "Zx81"}]}})

    assert "Zx81" not in json.dumps(event)


@pytest.mark.parametrize(
    "text", ["code: limit.daily_loss", "GET /api/orders?limit=5", "token of lease 7 claimed", "status 403"]
)
def test_leaves_what_is_no_secret(text):
    assert redact_text(text) == text


def test_a_line_of_either_kind_of_logger_is_one_object_without_secrets():
    formatter_settings = logging_settings(level="INFO", process="web")["formatters"]["json"]
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(**{k: v for k, v in formatter_settings.items() if k != "()"})
    )
    logger = logging.getLogger("tests.logs")
    logger.addHandler(handler)
    try:
        logger.warning("asked %s", "https://x/?access_token=Zx81yQ0p", extra={"api_secret": "hush"})
        logger.error("failed", exc_info=ValueError("access_token=Zx81yQ0p"))
    finally:
        logger.removeHandler(handler)

    lines = [json.loads(line) for line in stream.getvalue().splitlines()]

    assert len(lines) == 2
    assert lines[0]["process"] == "web"
    assert "Zx81yQ0p" not in stream.getvalue()
    assert "hush" not in stream.getvalue()
