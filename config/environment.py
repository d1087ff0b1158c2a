"""Everything that the desk reads from its environment, as one checked object."""

from __future__ import annotations

import base64
import binascii
from dataclasses import fields
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from brokers.domain.allowance import KITE_ALLOWANCE, VenueAllowance
from brokers.domain.errors import Invalid

ROOT = Path(__file__).resolve().parent.parent
UNPREFIXED = {"DATABASE_URL", "REDIS_URL", "ASTER_API_KEY", "ASTER_SECRET_KEY"}


class Environment(BaseSettings):
    """The variables an operator may set; a missing or wrong one stops the process with its name."""

    model_config = SettingsConfigDict(
        env_prefix="WINDHOVER_",
        env_file=ROOT / ".env",
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    database_url: str = Field(
        default=f"sqlite:///{ROOT / 'var' / 'windhover.sqlite3'}", validation_alias=AliasChoices("DATABASE_URL")
    )
    redis_url: str = Field(default="redis://127.0.0.1:6379/0", validation_alias=AliasChoices("REDIS_URL"))

    secret_key: SecretStr = Field(min_length=32)
    vault_keys: SecretStr
    state: Path = ROOT / "var"
    demo: bool = False
    debug: bool = False
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ("localhost", "127.0.0.1", "[::1]")
    trusted_origins: Annotated[tuple[str, ...], NoDecode] = ()
    process: str = "windhover"
    role: str = ""
    log_level: str = "INFO"

    kite_api_url: str = "https://api.kite.trade"
    kite_stream_url: str = "wss://ws.kite.trade"
    kite_login_url: str = "https://kite.zerodha.com/connect/login"

    aster_api_url: str = "https://fapi.asterdex.com"
    aster_stream_url: str = "wss://fstream.asterdex.com"
    # where one's own orders and balances are told; the market stream's address where it is empty
    aster_user_stream_url: str = ""
    aster_chain_id: int = Field(default=1666, gt=0)
    # for accounts that are marked as of the testnet
    aster_testnet_api_url: str = "https://fapi.asterdex-testnet.com"
    aster_testnet_stream_url: str = "wss://fstream.asterdex-testnet.com"
    aster_testnet_user_stream_url: str = ""
    aster_testnet_chain_id: int = Field(default=714, gt=0)
    simulator_url: str = ""

    # What an operator last read as the price of a USDT in rupees, and on which day: pages name both beside a total.
    usdt_inr: Decimal | None = Field(default=None, gt=0)
    usdt_inr_on: date | None = None
    # How far USDT may stand off the dollar, by the operator's rate, before nothing is entered in it.
    usdt_par_fraction: Decimal = Field(default=Decimal("0.01"), gt=0, lt=1)

    # On an empty database these make the first owner's Aster account; the names are those of Cloud Trader.
    aster_api_key: SecretStr = Field(default=SecretStr(""), validation_alias=AliasChoices("ASTER_API_KEY"))
    aster_secret_key: SecretStr = Field(default=SecretStr(""), validation_alias=AliasChoices("ASTER_SECRET_KEY"))
    owner_email: str = "owner@windhover.localhost"

    # The desk's own address, as people and the broker reach it: it stands in letters and in the developer console.
    site_url: str = "http://localhost:8000"
    # Through which orders of an account may leave, besides an address of this machine.
    egress_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    # Answers with the address that it was asked from; without one a preflight cannot know it.
    address_echo_url: str = ""
    # Further apart from the broker's clock than this, nothing goes live.
    clock_tolerance_s: float = Field(default=5.0, gt=0)

    kite_orders_per_second: int = Field(default=KITE_ALLOWANCE.orders_per_second, gt=0)
    kite_orders_per_minute: int = Field(default=KITE_ALLOWANCE.orders_per_minute, gt=0)
    kite_orders_per_day: int = Field(default=KITE_ALLOWANCE.orders_per_day, gt=0)
    kite_entries_per_day: int = Field(default=KITE_ALLOWANCE.entries_per_day, gt=0)
    kite_modifications_per_order: int = Field(default=KITE_ALLOWANCE.modifications_per_order, gt=0)
    kite_guardian_orders_per_second: int = Field(default=KITE_ALLOWANCE.guardian_orders_per_second, gt=0)
    kite_guardian_orders_per_minute: int = Field(default=KITE_ALLOWANCE.guardian_orders_per_minute, gt=0)
    kite_guardian_orders_per_day: int = Field(default=KITE_ALLOWANCE.guardian_orders_per_day, gt=0)
    kite_quotes_per_second: float = Field(default=KITE_ALLOWANCE.quotes_per_second, gt=0)
    kite_history_per_second: float = Field(default=KITE_ALLOWANCE.history_per_second, gt=0)
    kite_reads_per_second: float = Field(default=KITE_ALLOWANCE.reads_per_second, gt=0)

    lease_ttl_s: float = Field(default=5.0, gt=0)
    lease_renew_s: float = Field(default=1.0, gt=0)
    feed_silence_s: float = Field(default=8.0, gt=0)
    # listed instruments to listen to beside those in use, and how closely
    feed_follow: int = Field(default=0, ge=0, le=9_000)
    feed_follow_mode: Literal["ltp", "quote", "full"] = "quote"
    # what money costs until an option settles, continuous a year, as a fraction
    options_rate: float = Field(default=0.065, ge=-0.1, le=1.0)
    # how long minutes of chains and their snapshots are kept, and what alerts on them told, by the market's days
    chain_days: int = Field(default=400, ge=10, le=3_650)
    chain_alert_days: int = Field(default=90, ge=1, le=3_650)
    # how long the log of alerts is kept
    alert_log_days: int = Field(default=90, ge=1, le=3_650)

    # Without a host the letters are written to <state>/mail, where the operator of a small desk reads them.
    email_host: str = ""
    email_port: int = 587
    email_user: str = ""
    email_password: SecretStr = SecretStr("")
    email_use_tls: bool = True
    email_from: str = "windhover@localhost"

    @field_validator("allowed_hosts", "trusted_origins", "egress_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("egress_proxies")
    @classmethod
    def _known_proxies(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for proxy in value:
            parts = urlsplit(proxy)
            if parts.scheme not in {"http", "https"} or not parts.hostname:
                raise ValueError("must be http:// or https:// addresses separated by commas")
            if parts.username or parts.password:
                # pages show an account's way out, and a password must stand on none
                raise ValueError("must hold no password; let the proxy admit this machine by its address")
        # in the one spelling in which an account's way out is kept
        return tuple(proxy.rstrip("/") for proxy in value)

    @field_validator("site_url")
    @classmethod
    def _known_site(cls, value: str) -> str:
        if urlsplit(value).scheme not in {"http", "https"} or not urlsplit(value).hostname:
            raise ValueError("must begin with http:// or https://")
        return value.rstrip("/")

    @field_validator("usdt_inr", "usdt_inr_on", mode="before")
    @classmethod
    def _unset(cls, value: object) -> object:
        return None if value == "" else value

    @model_validator(mode="after")
    def _whole_facts(self) -> Self:
        if (self.usdt_inr is None) != (self.usdt_inr_on is None):
            raise ValueError("WINDHOVER_USDT_INR and WINDHOVER_USDT_INR_ON are set together")
        if bool(self.aster_api_key.get_secret_value()) != bool(self.aster_secret_key.get_secret_value()):
            raise ValueError("ASTER_API_KEY and ASTER_SECRET_KEY are set together")
        return self

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        if not value.startswith(("sqlite:///", "postgresql://", "postgres://")):
            raise ValueError("must begin with sqlite:/// or postgresql://")
        return value

    @field_validator("redis_url")
    @classmethod
    def _known_redis(cls, value: str) -> str:
        if not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must begin with redis://, rediss:// or unix://")
        return value

    @field_validator("vault_keys")
    @classmethod
    def _readable_keys(cls, value: SecretStr) -> SecretStr:
        parse_vault_keys(value.get_secret_value())
        return value

    @property
    def kite_allowance(self) -> VenueAllowance:
        """The venue's limits as one value; numbers that leave no room end the process, naming the variable."""
        names = (field.name for field in fields(VenueAllowance))
        named = {name: getattr(self, f"kite_{name}") for name in names if hasattr(self, f"kite_{name}")}
        try:
            return VenueAllowance(**named)
        except Invalid as error:
            raise SystemExit(f"WINDHOVER_KITE_{(error.field or '').upper()}: {error.message}.") from None

    @property
    def celery_broker_url(self) -> str:
        """The Redis address in the words of kombu, which calls a unix socket redis+socket."""
        if self.redis_url.startswith("unix://"):
            return "redis+socket://" + self.redis_url.removeprefix("unix://")
        return self.redis_url


def parse_vault_keys(text: str) -> dict[str, bytes]:
    """Read "id:key,id2:key2", newest first; a key that is not 32 bytes of base64 raises ValueError."""
    keys: dict[str, bytes] = {}
    for part in text.split(","):
        key_id, _, key = part.strip().partition(":")
        try:
            fits = len(base64.urlsafe_b64decode(key)) == 32
        except (binascii.Error, ValueError):
            fits = False
        if not (key_id.isalnum() and fits) or key_id in keys:
            raise ValueError("must be id:key pairs separated by commas, each key 32 bytes in urlsafe base64")
        keys[key_id] = key.encode()
    return keys


def environment_read() -> Environment:
    """Read the environment, or end the process with one sentence that names the variable and never its value."""
    try:
        # Required fields come from the environment, which the type checker cannot see.
        return Environment()
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        # what concerns several variables names them in its own sentence
        named = f"{_variable(str(first['loc'][0]))}: " if first["loc"] else ""
        raise SystemExit(f"{named}{first['msg']}.") from None


def _variable(field: str) -> str:
    return field.upper() if field.upper() in UNPREFIXED else f"WINDHOVER_{field.upper()}"


environment = environment_read()
