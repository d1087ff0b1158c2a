"""Every sealed secret that the database holds: counted by key, and sealed anew with the newest one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allauth.mfa.models import Authenticator
from django.apps import apps
from django.db import models, transaction

from accounts import vault
from accounts.audit import audit_record
from accounts.fields import SecretField
from accounts.second_factor import BINDING

# what of a second factor's data is sealed
SEALED_DATA = ("secret", "seed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """How many secrets were sealed anew, and how many had the newest key already."""

    renewed: int
    current: int


def keys_in_use() -> dict[str, int]:
    """Count the sealed secrets by the id of their key; those from before they were sealed stand under an empty id."""
    found: Counter[str] = Counter()
    for row, name in _secrets():
        found[vault.key_id_of(getattr(row, name))] += 1
    for factor in Authenticator.objects.iterator():
        found.update(vault.key_id_of(factor.data[name]) for name in SEALED_DATA if factor.data.get(name))
    return dict(found)


def vault_rotate(*, at: datetime) -> Rotation:
    """Seal every secret with the newest key, row by row, so that a desk goes on reading meanwhile.

    A row that another process changed between reading and writing keeps what that one wrote. A secret that cannot be
    opened raises VaultError; what was done until then stays, and may be repeated.
    """
    renewed = current = 0
    for row, name in _secrets():
        changed = _renew(row, name)
        renewed, current = renewed + changed, current + (not changed)
    for factor in Authenticator.objects.iterator():
        changed = _renew_factor(factor)
        renewed, current = renewed + changed, current + (not changed)
    audit_record(action="vault.rotate", at=at, details={"renewed": renewed, "current": current})
    return Rotation(renewed=renewed, current=current)


def _secrets() -> Iterator[tuple[models.Model, str]]:
    for model in apps.get_models():
        names = [field.name for field in model._meta.concrete_fields if isinstance(field, SecretField)]
        for row in model._base_manager.only(*names).iterator() if names else ():
            yield from ((row, name) for name in names if getattr(row, name))


def _renew(row: models.Model, name: str) -> bool:
    sealed = getattr(row, name)
    anew = vault.rotated(sealed)
    if anew == sealed:
        return False
    # only where it still is what was read: a key replaced meanwhile must not be undone
    type(row)._base_manager.filter(pk=row.pk, **{name: sealed}).update(**{name: anew})
    return True


@transaction.atomic
def _renew_factor(factor: Authenticator) -> bool:
    locked = Authenticator.objects.select_for_update().filter(pk=factor.pk).first()
    if locked is None:
        return False
    anew: dict[str, Any] = {name: _anew(locked.data[name]) for name in SEALED_DATA if locked.data.get(name)}
    if all(locked.data[name] == value for name, value in anew.items()):
        return False
    locked.data = {**locked.data, **anew}
    locked.save(update_fields=["data"])
    return True


def _anew(secret: str) -> str:
    return vault.rotated(secret) if vault.is_sealed(secret) else vault.seal(secret, binding=BINDING)
