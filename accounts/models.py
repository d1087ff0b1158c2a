"""Who may do what: users, desks, memberships, API keys, the audit chain, and tasks that must not be lost."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models

from accounts.ownership import OwnedManager


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Make a user who signs in with this address; without a password, by code alone."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Make the operator, who may open the admin."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> User:
        """Find a user by address, whatever its case."""
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A person, known by e-mail address and, where they have one, by Zerodha id."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120, blank=True)
    zerodha_id = models.CharField(max_length=16, unique=True, null=True, blank=True)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    joined_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~models.Q(zerodha_id=""), name="zerodha_id_is_null_not_empty"),
        ]

    def __str__(self) -> str:
        return self.email

    def get_full_name(self) -> str:
        """Return what to call the person."""
        return self.name or self.email


class Role(models.TextChoices):
    OWNER = "owner", "Owner"
    TRADER = "trader", "Trader"
    VIEWER = "viewer", "Viewer"
    AUDITOR = "auditor", "Auditor"


WRITING_ROLES = (Role.OWNER, Role.TRADER)


class Desk(models.Model):
    """A group of people with its trading accounts."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=80)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """One person's role on one desk."""

    desk_path = "desk"

    desk = models.ForeignKey(Desk, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=12, choices=Role.choices, default=Role.VIEWER)
    is_active = models.BooleanField(default=True)
    joined_at = models.DateTimeField(auto_now_add=True)

    objects = OwnedManager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["desk", "user"], name="one_membership_per_desk")]

    def __str__(self) -> str:
        return f"{self.user}: {self.role} of {self.desk}"


class ApiKey(models.Model):
    """A key for programs: only its digest is kept, and it can be cut off at any time."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_keys")
    label = models.CharField(max_length=60)
    # enough of the key to recognise it in a list
    prefix = models.CharField(max_length=12)
    digest = models.CharField(max_length=64, unique=True)
    # names of accounts.scopes.Scope
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.label} ({self.prefix}…)"


class SignInOutcome(models.TextChoices):
    OPENED = "opened", "Signed in"
    REFUSED = "refused", "Refused"


class SignIn(models.Model):
    """One try to sign in; where its session lives on, one of the places where the person is signed in."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # nobody where the address tried belongs to nobody
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="sign_ins")
    at = models.DateTimeField()
    outcome = models.CharField(max_length=8, choices=SignInOutcome.choices)
    # password, code, and the second factor's kind, as they were shown
    way = models.CharField(max_length=40, blank=True)
    address = models.GenericIPAddressField(null=True)
    browser = models.CharField(max_length=200, blank=True)
    # digest of the mark that a browser keeps, so that it is known again
    device = models.CharField(max_length=64, blank=True)
    session_key = models.CharField(max_length=40, blank=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["user", "-at"], name="sign_ins_of_a_user")]

    def __str__(self) -> str:
        return f"{self.user} {self.outcome} {self.at:%Y-%m-%d %H:%M}"


class AppendOnlyError(Exception):
    """A row that only ever gets successors was asked to change or vanish."""


class AuditEvent(models.Model):
    """Who did what, chained by hash to the event before it on the same chain."""

    id = models.BigAutoField(primary_key=True)
    # a desk's id, or "site" for what belongs to no desk
    chain = models.CharField(max_length=40)
    seq = models.PositiveBigIntegerField()
    at = models.DateTimeField()
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    # session, key:PREFIX, or the name of a process
    through = models.CharField(max_length=40)
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=120, blank=True)
    details = models.JSONField(default=dict)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["chain", "seq"], name="one_audit_event_per_sequence")]
        indexes = [models.Index(fields=["chain", "-seq"])]

    def __str__(self) -> str:
        return f"{self.chain} {self.seq} {self.action}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert the row; one that exists already raises AppendOnlyError."""
        if not self._state.adding:
            raise AppendOnlyError("An audit event never changes.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Refuse."""
        raise AppendOnlyError("An audit event is never deleted.")


class AuditTip(models.Model):
    """The last event of a chain; its row is locked while the next one is added."""

    chain = models.CharField(primary_key=True, max_length=40)
    seq = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"{self.chain} {self.seq}"


class OutboxState(models.TextChoices):
    WAITING = "waiting", "Waiting"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"


class Outbox(models.Model):
    """A task to be run at least once, written with the change that asks for it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    task = models.CharField(max_length=120)
    arguments = models.JSONField(default=dict)
    queue = models.CharField(max_length=40)
    state = models.CharField(max_length=12, choices=OutboxState.choices, default=OutboxState.WAITING)
    attempts = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "outbox"
        indexes = [models.Index(fields=["state", "sent_at"])]

    def __str__(self) -> str:
        return f"{self.task} {self.state}"


class KeptAnswer(models.Model):
    """The answer to a write under a caller's key, so that a repeat gets it again."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=64)
    fingerprint = models.CharField(max_length=64)
    # 0 until the write has been answered
    status = models.PositiveSmallIntegerField(default=0)
    answer = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="one_answer_per_key")]

    def __str__(self) -> str:
        return f"{self.key} {self.status}"
