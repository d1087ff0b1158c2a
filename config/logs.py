"""Logs: one JSON object per line, with secrets taken out before anything is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

REDACTED = "[redacted]"

_SECRET_NAMES = re.compile(
    r"(?i)(pass(word|wd)?|secret|token|api_?key|access_?key|authorization|cookie|csrf|checksum|otp|login_?code|signature)$"
)
_SECRET_TEXT = (
    # name=value in addresses and messages, "name": "value" in bodies
    re.compile(
        r"(?i)((?:access_token|request_token|refresh_token|api_secret|api_key|enctoken|checksum|password|token|secret|code)"
        r"['\"]?\s*[=:]\s*['\"]?)([^\s'\"&,;}{\]\[]+)"
    ),
    # Kite's header is `token KEY:TOKEN`, ours `Bearer KEY`
    re.compile(r"(?i)((?:bearer|token)\s+)([A-Za-z0-9_\-:.=]{8,})"),
    re.compile(r"()(wh_[A-Za-z0-9_\-]{16,})"),
    re.compile(r"()(v1:[A-Za-z0-9]+:gAAAA[A-Za-z0-9_\-=]+)"),
    # the address of an account's postbacks is all that guards it against strangers
    re.compile(r"(/postbacks/)([A-Za-z0-9_\-]+)"),
)
# A message may say which code of ours it speaks of; a status code is no secret either.
_PLAIN_CODE = re.compile(r"(?i)^code['\"]?\s*[=:]\s*['\"]?$")
_KEPT = frozenset({"event", "level", "logger", "timestamp", "process", "request_id"})


def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Replace secrets by name and by form, at any depth."""
    return {name: _clean(name, value) for name, value in event.items()}


def redact_text(text: str) -> str:
    """Replace secrets that are recognised by their form."""
    for pattern in _SECRET_TEXT:
        text = pattern.sub(_hide, text)
    return text


def _hide(match: re.Match[str]) -> str:
    before, value = match.group(1), match.group(2)
    is_code = _PLAIN_CODE.match(before) is not None
    return match.group(0) if is_code and not value.isdigit() else before + REDACTED


def _clean(name: str, value: Any) -> Any:
    if name not in _KEPT and _SECRET_NAMES.search(name):
        return REDACTED
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, Mapping):
        return {key: _clean(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_clean("", inner) for inner in value]
    return value


def shared_processors(process: str) -> list[Processor]:
    """Build what every line passes, ours and those of libraries alike."""

    def name_process(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        event["process"] = process
        return event

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        name_process,
    ]


def logging_settings(*, level: str, process: str) -> dict[str, Any]:
    """Configure structlog and return the settings of the standard library's loggers."""
    shared = shared_processors(process)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.format_exc_info,
                    redact,
                    structlog.processors.JSONRenderer(default=str),
                ],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # These repeat every address at a level that operators read.
            "httpx": {"level": "WARNING"},
            "httpcore": {"level": "WARNING"},
            "daphne": {"level": "WARNING"},
            "django.server": {"level": "WARNING", "propagate": True},
            # The request's own line says the same.
            "django.request": {"level": "CRITICAL"},
            "axes": {"level": "WARNING"},
        },
    }
