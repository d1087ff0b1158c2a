"""The first owner of an empty database, with the Aster account that the environment names."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db import transaction

from accounts.models import User
from accounts.services import user_create
from brokers.models import Proof, TradingAccount, Venue
from execution.connections import account_add, desk_of

PASSWORD_FILE = "first-owner.json"  # noqa: S105 - a file's name
LABEL = "Aster"


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstOwner:
    """Who was made, and where the password to sign in with stands."""

    email: str
    account: TradingAccount
    password_file: Path


def first_owner_create(*, email: str, api_key: str, api_secret: str, state: Path, at: datetime) -> FirstOwner | None:
    """Make the owner, a desk and the account, all or nothing; answer None where anybody is known already.

    The account is on paper with small limits. Raises Invalid for a key that cannot be one, OSError for a state folder
    that cannot be written: nothing is made then.
    """
    if User.objects.exists():
        return None
    with transaction.atomic():
        # the first person on a machine is its operator: somebody must be able to open the admin
        password = secrets.token_urlsafe(12)
        owner = user_create(email=email, at=at, password=password, is_operator=True)
        account = account_add(
            desk=desk_of(owner, at=at),
            owner=owner,
            venue=Venue.ASTER,
            label=LABEL,
            venue_user_id=name_of_key(api_key),
            api_key=api_key,
            api_secret=api_secret,
            auth_scheme=Proof.KEY_PAIR,
            is_simulated=False,
            by=owner,
            at=at,
        )
        path = _kept(state / PASSWORD_FILE, {"email": email, "password": password})
    return FirstOwner(email=email, account=account, password_file=path)


def name_of_key(api_key: str) -> str:
    """Return what an account of a key pair is called: the key itself is half of a credential and stands nowhere."""
    return f"ASTER-{hashlib.sha256(api_key.encode()).hexdigest()[:8].upper()}"


def _kept(path: Path, sign_in: dict[str, str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(sign_in, file)
    return path
