"""`manage.py analysis_list members|actions|names FILE`: keep what scans need to know besides candles."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from analysis.domain.list_files import read_actions, read_members, read_renames
from analysis.lists import actions_take, members_take, renames_take
from brokers.domain.errors import WindhoverError


class Command(BaseCommand):
    """Read the file whole, then store it; a line that cannot be read stores nothing."""

    help = "Keep the members of a list, corporate actions, or changed names from a CSV file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=["members", "actions", "names"])
        parser.add_argument("file", type=Path)
        parser.add_argument("--universe", help="the list that the members belong to")
        parser.add_argument("--exchange", default="NSE", help="what bare symbols' keys begin with")

    def handle(self, *args: Any, **options: Any) -> None:
        what, file = options["what"], options["file"]
        if what == "members" and not options["universe"]:
            raise CommandError("Members need --universe.")
        try:
            count = self._take(what, file, options)
        except (WindhoverError, OSError, UnicodeDecodeError) as problem:
            raise CommandError(f"{file}: {problem}") from problem
        self.stdout.write(f"{file.name}: {count} {what} kept.")

    def _take(self, what: str, file: Path, options: dict[str, Any]) -> int:
        lines, exchange = file.read_text(encoding="utf-8-sig").splitlines(), options["exchange"]
        if what == "members":
            return members_take(universe=options["universe"], members=read_members(lines, exchange=exchange))
        if what == "actions":
            return actions_take(actions=read_actions(lines, exchange=exchange), source=file.name[:40])
        return renames_take(renames=read_renames(lines, exchange=exchange))
