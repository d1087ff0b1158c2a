"""What a person fills in about their own access."""

from __future__ import annotations

from django import forms

from accounts.scopes import WORDS, Scope

MOST_DAYS = 365


class KeyForm(forms.Form):
    """A new API key: what for, what it may do, and for how long."""

    label = forms.CharField(label="What for", max_length=60, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    days = forms.IntegerField(
        label="Days until it expires", min_value=1, max_value=MOST_DAYS, initial=90, help_text=f"At most {MOST_DAYS}."
    )
    scopes = forms.MultipleChoiceField(
        label="What it may do",
        choices=[(scope.value, f"{scope.value}: {WORDS[scope]}") for scope in Scope],
        initial=[Scope.READ.value],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "A key that may do nothing is of no use: choose at least one."},
    )
