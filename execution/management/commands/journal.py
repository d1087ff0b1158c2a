"""Check the journal, and carry it out of the database: `manage.py journal verify`, `journal export`, `journal check FILE`."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from brokers.domain.errors import DataError
from brokers.models import TradingAccount
from execution.chain_check import Found, check_database, check_file, export


class Command(BaseCommand):
    """Follows each account's chain of hashes from its first row, and names the first link that is broken."""

    help = "Verify the journal's hash chain, export it to Parquet, or check an exported file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the acts."""
        acts = parser.add_subparsers(dest="act", required=True)
        verify = acts.add_parser("verify", help="check every account's chain and its anchors")
        verify.add_argument("--account", help="one account's id; all without it")
        carry = acts.add_parser("export", help="write each account's whole chain to a Parquet file, and check it")
        carry.add_argument("folder", type=Path)
        carry.add_argument("--account", help="one account's id; all without it")
        check = acts.add_parser("check", help="check an exported file by itself")
        check.add_argument("file", type=Path)
        check.add_argument("--tips", type=Path, help="the tips kept outside the database: they show a cut end")

    def handle(self, *, act: str, **options: Any) -> None:
        """Do one act; end with an error where a link is broken."""
        tips = Path(settings.WINDHOVER_STATE) / "journal-tips.jsonl"
        if act == "check":
            broken = [self._check(options["file"], options["tips"])]
        elif act == "verify":
            accounts = _accounts(options["account"])
            broken = [self._say(str(row), check_database(str(row.pk), tips)) for row in accounts]
        else:
            broken = [self._export(row, options["folder"], tips) for row in _accounts(options["account"])]
        if any(broken):
            raise CommandError(f"{sum(broken)} of {len(broken)} journals are broken")

    def _say(self, name: str, found: Found) -> bool:
        said = f"broken: {found.broken}" if found.broken else f"whole, the last is {found.tip.hash[:12]}"
        self.stdout.write(f"{name}: {found.tip.seq} rows hold, {said}")
        return bool(found.broken)

    def _check(self, file: Path, tips: Path | None) -> bool:
        if tips is not None and not tips.exists():
            raise CommandError(f"There is no file {tips}.")
        is_broken = self._say(str(file), check_file(file, tips))
        if tips is None:
            self.stdout.write("A file alone cannot show that its end was cut: give --tips the tips kept outside it.")
        return is_broken

    def _export(self, row: TradingAccount, folder: Path, tips: Path) -> bool:
        file = folder / f"journal-{row.pk}.parquet"
        try:
            tip = export(str(row.pk), file, tips)
        except DataError as error:
            self.stdout.write(f"{row}: not written: {error.message}")
            return True
        self.stdout.write(f"{row}: {tip.seq} rows in {file}, the last is {tip.hash[:12]}")
        return False


def _accounts(wanted: str | None) -> list[TradingAccount]:
    rows = TradingAccount.objects.order_by("created_at", "pk")
    found = list(rows.filter(pk=wanted) if wanted else rows)
    if wanted and not found:
        raise CommandError(f"There is no account {wanted}.")
    return found
