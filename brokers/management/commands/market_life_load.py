"""`./run manage market_life_load FILE`: lists, freeze quantities, lots and days from a CSV file."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from brokers.market_life_load import COLUMNS, BadFile, market_life_load


class Command(BaseCommand):
    help = (
        f"Load the operator's facts about the market from a CSV file with the columns {', '.join(COLUMNS)}. Kinds: ban, "
        "asm, gsm, trade_to_trade, mis_blocked (from, until), freeze and lot (quantity), holiday and open_day, year. "
        "All rows are loaded, or none."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the file's name."""
        parser.add_argument("file", help="the CSV file, or - for standard input")

    def handle(self, *_: object, **options: str) -> None:
        """Load the file; what is wrong with it is told by line."""
        try:
            count = market_life_load(text=_text(options["file"]), by=None, at=timezone.now())
        except BadFile as bad:
            raise CommandError(f"nothing was loaded:\n{bad.message}") from None
        self.stdout.write(f"{count} rows are loaded; running desks go by them within seconds.")


def _text(name: str) -> str:
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{name} cannot be read: {error}") from None
