"""`manage.py candles_import FILE …`: take daily candles from bhavcopies or CSV into the store."""

from __future__ import annotations

import io
import zipfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from analysis.candles import candles_take
from analysis.domain.candle_files import CandleFile, read_candles
from brokers.domain.errors import DataError

_SHOWN = 20


class Command(BaseCommand):
    """Read each file whole, then store it; a file that is no file of candles stops the command."""

    help = "Take raw daily candles from the exchange's bhavcopy (old or UDiFF, zipped or not) or from plain CSV."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", type=Path)
        parser.add_argument("--exchange", default="NSE", help="what the instruments' keys begin with")

    def handle(self, *args: Any, **options: Any) -> None:
        for file in options["files"]:
            found = self._read(file)
            try:
                taken = candles_take(
                    exchange=options["exchange"], candles=found.candles, source=file.name[:40], at=timezone.now()
                )
            except DataError as problem:
                raise CommandError(f"{file}: {problem}") from problem
            self.stdout.write(
                f"{file.name}: {taken.instruments} instruments, {taken.added} days added, "
                f"{taken.changed} changed, {taken.alike} there already, {len(found.refused)} rows refused."
            )
            for line, reason in found.refused[:_SHOWN]:
                self.stdout.write(f"  line {line}: {reason}")

    def _read(self, file: Path) -> CandleFile:
        try:
            return read_candles(_text(file).splitlines())
        except (DataError, OSError, UnicodeDecodeError, zipfile.BadZipFile) as problem:
            raise CommandError(f"{file}: {problem}") from problem


def _text(file: Path) -> str:
    if file.suffix.lower() != ".zip":
        return file.read_text(encoding="utf-8-sig")
    with zipfile.ZipFile(file) as archive:
        names = [name for name in archive.namelist() if name.lower().endswith(".csv")]
        if len(names) != 1:
            raise DataError(f"it holds {len(names)} CSV files, not one", code="candles.archive")
        return io.TextIOWrapper(archive.open(names[0]), encoding="utf-8-sig").read()
