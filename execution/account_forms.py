"""What a person may enter about a trading account; keys and secrets go in and never come back."""

from __future__ import annotations

from django import forms

from brokers.models import Relation, Venue

PASTED = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}


def _secret(label: str, help_text: str = "", *, required: bool = True) -> forms.CharField:
    # never drawn with a value, so that no page holds it
    field = forms.PasswordInput(attrs={**PASTED, "autocomplete": "new-password"}, render_value=False)
    return forms.CharField(label=label, max_length=128, widget=field, help_text=help_text, required=required)


class ConnectForm(forms.Form):
    """A new account: at which venue, whose, and by which key."""

    venue = forms.ChoiceField(label="Venue", choices=[(Venue.KITE.value, Venue.KITE.label)])
    venue_user_id = forms.CharField(
        label="Zerodha id",
        max_length=12,
        help_text="The id you sign in to Kite with, such as AB1234.",
        widget=forms.TextInput(attrs={**PASTED, "autocapitalize": "characters"}),
    )
    relation = forms.ChoiceField(
        label="The account belongs to",
        choices=Relation.choices,
        help_text="Declared and kept in the audit. Accounts of one family may send orders from one address.",
    )
    label = forms.CharField(
        label="Name on the pages", max_length=60, required=False, help_text="Empty for the Zerodha id."
    )
    api_key = forms.CharField(
        label="API key",
        max_length=64,
        widget=forms.TextInput(attrs=PASTED),
        help_text="From the app in Kite's developer console.",
    )
    api_secret = _secret("API secret", "Encrypted before it is stored; no page shows it again.")


class DescribeForm(forms.Form):
    """What an account is called, and whose it is."""

    label = forms.CharField(label="Name on the pages", max_length=60, required=False)
    relation = forms.ChoiceField(label="The account belongs to", choices=Relation.choices)


class RekeyForm(forms.Form):
    """Another key, another secret, or both."""

    api_key = forms.CharField(
        label="API key",
        max_length=64,
        required=False,
        widget=forms.TextInput(attrs=PASTED),
        help_text="Empty keeps the one that is stored.",
    )
    api_secret = _secret("API secret", "Encrypted before it is stored; no page shows it again.", required=False)


class RouteForm(forms.Form):
    """From where the account's orders leave."""

    egress_address = forms.CharField(
        label="Orders leave from",
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={**PASTED, "list": "ways-out"}),
        help_text="An address of this machine, or a proxy that the operator allows. Empty for none.",
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
