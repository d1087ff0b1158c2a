"""What a person may enter about a trading account; keys and secrets go in and never come back."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError

from brokers.models import Proof, Relation, Venue
from brokers.proofs import as_shown, looks_secret

PASTED = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}
ENCRYPTED = "Encrypted before it is stored; no page shows it again."


class PastedText(forms.TextInput):
    """A field that people paste into; a private key that landed in the wrong one is not shown again."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({**PASTED, **(attrs or {})})

    def format_value(self, value: Any) -> str | None:
        """Return what the page shows of a value."""
        return None if looks_secret(str(value or "")) else super().format_value(value)


class KnownChoice(forms.TypedChoiceField):
    """A choice whose refusal names what came and what is allowed, and repeats nothing that could be a key."""

    def validate(self, value: Any) -> None:
        """Raise ValidationError for what is not in the list."""
        if value and not self.valid_value(value):
            allowed = ", ".join(str(label) for _, label in cast("list[tuple[str, str]]", self.choices))
            raise ValidationError(f"{as_shown(str(value))} is not one of: {allowed}.", code="invalid_choice")
        super().validate(value)


def secret_field(label: str, help_text: str = "", *, required: bool = True) -> forms.CharField:
    """Return a field whose value goes in and is drawn on no page."""
    field = forms.PasswordInput(attrs={**PASTED, "autocomplete": "new-password"}, render_value=False)
    return forms.CharField(label=label, max_length=128, widget=field, help_text=help_text, required=required)


def _relation() -> KnownChoice:
    return KnownChoice(
        label="The account belongs to",
        choices=Relation.choices,
        help_text="Declared and kept in the audit.",
    )


def _label(empty: str) -> forms.CharField:
    help_text = f"Empty for {empty}."
    return forms.CharField(
        label="Name on the pages", max_length=60, required=False, help_text=help_text, widget=PastedText
    )


class ConnectForm(forms.Form):
    """A new account at Kite: whose, and by which app."""

    venue_user_id = forms.CharField(
        label="Zerodha id",
        max_length=12,
        help_text="The id you sign in to Kite with, such as AB1234.",
        widget=PastedText({"autocapitalize": "characters"}),
    )
    relation = KnownChoice(
        label="The account belongs to",
        choices=Relation.choices,
        help_text="Declared and kept in the audit. Accounts of one family may send orders from one address.",
    )
    label = _label("the Zerodha id")
    api_key = forms.CharField(
        label="API key", max_length=64, widget=PastedText, help_text="From the app in Kite's developer console."
    )
    api_secret = secret_field("API secret", ENCRYPTED)


class _AsterForm(forms.Form):
    """What both ways to prove an Aster account have in common."""

    is_testnet = KnownChoice(
        label="Exchange",
        choices=[("main", "Aster, real money"), ("testnet", "Aster's testnet, money that is worth nothing")],
        coerce=lambda word: word == "testnet",
    )
    relation = _relation()
    label = _label("the wallet's address in short")

    def __init__(self, *args: Any, is_simulated: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if is_simulated:
            # the simulator is the only exchange there
            del self.fields["is_testnet"]


class AgentForm(_AsterForm):
    """A new account at Aster, proven by an agent wallet."""

    venue_user_id = forms.CharField(
        label="Main wallet's address",
        max_length=128,
        help_text="0x and 40 digits: whose account it is. Its private key is never asked for.",
        widget=PastedText,
    )
    api_key = forms.CharField(
        label="Agent's address",
        max_length=128,
        help_text="The API wallet that you made at Aster for this desk.",
        widget=PastedText,
    )
    api_secret = secret_field("Agent's private key", f"Of the agent, never of the main wallet. {ENCRYPTED}")
    field_order = ["venue_user_id", "is_testnet", "api_key", "api_secret", "relation", "label"]


class KeyPairForm(_AsterForm):
    """A new account at Aster, proven by a key that was made before the agents came."""

    venue_user_id = forms.CharField(
        label="Main wallet's address",
        max_length=128,
        help_text="0x and 40 digits; an account without one takes a name of your own.",
        widget=PastedText,
    )
    api_key = forms.CharField(
        label="API key", max_length=64, widget=PastedText, help_text="One without the right to withdraw."
    )
    api_secret = secret_field("API secret", ENCRYPTED)
    field_order = AgentForm.field_order


CONNECT_FORMS: dict[tuple[str, str], type[forms.Form]] = {
    (Venue.KITE, Proof.LOGIN): ConnectForm,
    (Venue.ASTER, Proof.AGENT): AgentForm,
    (Venue.ASTER, Proof.KEY_PAIR): KeyPairForm,
}
KEY_LABELS = {
    Proof.LOGIN: ("API key", "API secret"),
    Proof.KEY_PAIR: ("API key", "API secret"),
    Proof.AGENT: ("Agent's address", "Agent's private key"),
}


class DescribeForm(forms.Form):
    """What an account is called, and whose it is."""

    label = forms.CharField(label="Name on the pages", max_length=60, required=False)
    relation = forms.ChoiceField(label="The account belongs to", choices=Relation.choices)


class RekeyForm(forms.Form):
    """Another key, another secret, or both."""

    api_key = forms.CharField(
        label="API key",
        max_length=128,
        required=False,
        widget=PastedText,
        help_text="Empty keeps the one that is stored.",
    )
    api_secret = secret_field("API secret", ENCRYPTED, required=False)

    def __init__(self, *args: Any, proof: str = Proof.LOGIN, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["api_key"].label, self.fields["api_secret"].label = KEY_LABELS[Proof(proof)]


class RouteForm(forms.Form):
    """From where the account's orders leave."""

    egress_address = forms.CharField(
        label="Orders leave from",
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={**PASTED, "list": "ways-out"}),
        help_text="An address of this machine, or a proxy that the operator allows. Empty for none.",
    )


class CountdownForm(forms.Form):
    """After how long without a sign of life the venue cancels everything that rests."""

    countdown_s = forms.CharField(
        label="Seconds without a sign of life",
        max_length=6,
        required=False,
        widget=forms.TextInput(attrs={**PASTED, "inputmode": "numeric"}),
        help_text="120 to 3600; empty for off.",
    )


class FamilyForm(forms.Form):
    """Another person of the desk, and what they are to the owner."""

    relative = forms.EmailField(label="Person of this desk", widget=forms.EmailInput(attrs=PASTED))
    relation = forms.ChoiceField(
        label="Is the owner's", choices=[(value, label.removeprefix("My ")) for value, label in Relation.choices[1:]]
    )


class ReleaseForm(forms.Form):
    """The second step before real money."""

    word = forms.CharField(label="Type LIVE to trade real money", max_length=8, widget=forms.TextInput(attrs=PASTED))
