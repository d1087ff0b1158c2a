"""`manage audit verify`: whether every chain of the audit is whole."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.audit import SITE, audit_verify
from accounts.models import AuditEvent, AuditTip


class Command(BaseCommand):
    help = "Recompute every chain of the audit from its first event to its tip."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what to do."""
        parser.add_argument("act", choices=["verify"])

    def handle(self, *args: Any, **options: Any) -> None:
        """Say of each chain whether it is whole; one that is not ends the command with a failure."""
        broken = 0
        # a chain without a tip, or a tip without events, is no less a chain
        chains = {
            *AuditTip.objects.values_list("chain", flat=True),
            *AuditEvent.objects.values_list("chain", flat=True),
        }
        for chain in sorted(chains):
            verdict = audit_verify(desk_id=None if chain == SITE else UUID(chain))
            broken += not verdict.is_whole
            state = "whole" if verdict.is_whole else f"BROKEN at event {verdict.broken_at}"
            self.stdout.write(f"{chain}: {verdict.events} events, {state}")
        if broken:
            raise CommandError(f"{broken} of {len(chains)} chains were changed after they were written.")
        self.stdout.write(f"{len(chains)} chains are whole.")
