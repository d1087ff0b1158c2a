"""`manage vault`: which keys seal what, and everything sealed anew with the newest."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.vault import VaultError
from accounts.vault_rows import keys_in_use, vault_rotate


class Command(BaseCommand):
    help = "Show which vault keys are in use, or seal every secret anew with the newest one."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what to do."""
        parser.add_argument("act", choices=["status", "rotate"])

    def handle(self, *args: Any, act: str, **options: Any) -> None:
        """Do it; a secret that no key opens ends the command with the name of the missing key."""
        if act == "rotate":
            try:
                done = vault_rotate(at=timezone.now())
            except VaultError as error:
                raise CommandError(str(error)) from None
            self.stdout.write(f"{done.renewed} sealed anew, {done.current} had the newest key.")
        newest = next(iter(settings.VAULT_KEYS))
        for key_id, count in sorted(keys_in_use().items()):
            note = "newest" if key_id == newest else "known" if key_id in settings.VAULT_KEYS else "MISSING"
            self.stdout.write(f"{key_id or '(in the clear)'}: {count} secrets, {note if key_id else 'rotate to seal'}")
