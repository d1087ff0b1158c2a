from importlib import import_module

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "Users and roles"

    def ready(self) -> None:
        """Listen to the workers and to sign-ins, and tell the API's schema how callers are known."""
        import_module("accounts.middleware")
        import_module("accounts.receivers")
        import_module("accounts.schema")
