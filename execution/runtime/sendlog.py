"""The send log: a mark stands on the disk's queue before an order's bytes may leave.

One append-only file per account and lease token, locked by the process that writes it. After a
crash its successor reads it: with the lock obtained the writer is dead, and within one boot of
the machine the kernel kept every mark, so that an order without a mark was never sent. Where
either cannot be shown, any order may have been sent.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
from enum import StrEnum
from pathlib import Path

from brokers.domain.errors import DataError

MARK_BYTES = 16
MAGIC = b"WSENDLG1"
_NAME = re.compile(r"^(?P<account>[0-9a-f-]{36})-(?P<token>\d+)\.log$")


class Evidence(StrEnum):
    """What a send log can say about an order."""

    NOT_SENT = "not_sent"
    MAY_BE_SENT = "may_be_sent"


def mark_of(client_id: str) -> bytes:
    """Return the sixteen bytes that stand for an order."""
    return hashlib.blake2b(client_id.encode(), digest_size=MARK_BYTES).digest()


class SendLog:
    """The open log of one account under one lease token."""

    def __init__(self, folder: Path, *, account_id: str, token: int, boot_id: str) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = _path(folder, account_id, token)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(self.path, flags, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            raise DataError(f"{self.path.name} is held by another process", code="sendlog.held") from None
        if os.fstat(self._descriptor).st_size == 0:
            os.write(self._descriptor, _header(boot_id))

    def mark(self, client_id: str) -> None:
        """Hand an order's mark to the operating system; raise DataError when it was not taken whole."""
        if os.write(self._descriptor, mark_of(client_id)) != MARK_BYTES:
            raise DataError("the send log took half a mark", code="sendlog.short_write")

    def close(self) -> None:
        """Close the file, which gives up its lock."""
        os.close(self._descriptor)


def evidence(folder: Path, *, account_id: str, token: int, client_id: str, boot_id: str) -> Evidence:
    """Tell whether an order of an earlier owner may have been sent."""
    marks = _marks(_path(folder, account_id, token), boot_id)
    if marks is None or mark_of(client_id) in marks:
        return Evidence.MAY_BE_SENT
    return Evidence.NOT_SENT


def discard_before(folder: Path, *, account_id: str, token: int) -> None:
    """Delete the logs of tokens older than `token`, once nothing asks about them."""
    for path in folder.glob(f"{account_id}-*.log"):
        named = _NAME.match(path.name)
        if named and int(named["token"]) < token:
            path.unlink(missing_ok=True)


def _path(folder: Path, account_id: str, token: int) -> Path:
    return folder / f"{account_id}-{token}.log"


def _header(boot_id: str) -> bytes:
    return MAGIC + hashlib.blake2b(boot_id.encode(), digest_size=8).digest()


def _marks(path: Path, boot_id: str) -> frozenset[bytes] | None:
    """Return the marks of a dead writer of this boot, None when the file proves nothing."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with contextlib.closing(os.fdopen(descriptor, "rb")) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        content = file.read()
    if content[:MARK_BYTES] != _header(boot_id):
        return None
    starts = range(MARK_BYTES, len(content), MARK_BYTES)
    return frozenset(content[start : start + MARK_BYTES] for start in starts)
