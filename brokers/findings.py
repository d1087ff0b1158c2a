"""What a look at an account's way to its venue found: a sentence, and whether it keeps the account from going live."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at; a bad one keeps the account from going live."""

    code: str
    sentence: str
    is_bad: bool = False


def bad(code: str, sentence: str) -> Finding:
    """Return what keeps an account from going live."""
    return Finding(code=code, sentence=sentence, is_bad=True)
