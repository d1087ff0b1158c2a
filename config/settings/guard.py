"""What keeps a desk from being run for real with settings that anybody could guess."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from config.environment import parse_vault_keys

if TYPE_CHECKING:
    from config.environment import Environment

# those of the tests, which stand in the repository
KNOWN_SECRET_KEYS = frozenset({"a-key-for-tests-alone-never-for-a-desk"})
KNOWN_VAULT_KEYS = frozenset({"d2luZGhvdmVyIHRlc3Qga2V5LCAzMiBieXRlcyBsb24="})
# as Django's own check of a deployment has it
SHORTEST_SECRET_KEY = 50
FEWEST_CHARACTERS = 5
FEWEST_BYTES = 8


def objections(environment: Environment) -> list[str]:
    """Say, in sentences that name the variable and never its value, why this must not run for real."""
    found = []
    if environment.demo or environment.debug:
        found.append("WINDHOVER_DEMO and WINDHOVER_DEBUG are for one's own machine, not for production.")
    key = environment.secret_key.get_secret_value()
    if key in KNOWN_SECRET_KEYS or key.startswith("django-insecure-"):
        found.append("WINDHOVER_SECRET_KEY is one that stands in a repository: make a new one.")
    elif len(key) < SHORTEST_SECRET_KEY or len(set(key)) < FEWEST_CHARACTERS:
        found.append(f"WINDHOVER_SECRET_KEY needs at least {SHORTEST_SECRET_KEY} random characters.")
    for key_id, vault_key in parse_vault_keys(environment.vault_keys.get_secret_value()).items():
        if vault_key.decode() in KNOWN_VAULT_KEYS or len(set(base64.urlsafe_b64decode(vault_key))) < FEWEST_BYTES:
            found.append(f"The vault key {key_id} of WINDHOVER_VAULT_KEYS can be guessed: make a new one and rotate.")
    return found
