import uuid

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("brokers", "0010_listed_quantities_and_states"),
        ("options", "0001_combinations"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="TrackedUnderlying",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("underlying", models.CharField(max_length=64)),
                (
                    "expiries",
                    models.PositiveSmallIntegerField(
                        default=3,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(6),
                        ],
                    ),
                ),
                ("is_tracked", models.BooleanField(default=True)),
                ("asked_at", models.DateTimeField()),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tracked_underlyings",
                        to="brokers.tradingaccount",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ChainMinute",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField()),
                ("expiry", models.DateField()),
                ("at", models.DateTimeField()),
                ("spot", models.FloatField(null=True)),
                ("forward", models.FloatField(null=True)),
                ("atm_iv", models.FloatField(null=True)),
                ("pcr_oi", models.FloatField(null=True)),
                ("max_pain", models.FloatField(null=True)),
                ("call_oi", models.FloatField()),
                ("put_oi", models.FloatField()),
                ("straddle", models.FloatField(null=True)),
                ("straddle_volume", models.FloatField(null=True)),
                (
                    "tracked",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="minutes",
                        to="options.trackedunderlying",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ChainDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField()),
                ("at", models.DateTimeField()),
                ("iv_30d", models.FloatField()),
                (
                    "tracked",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="days", to="options.trackedunderlying"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ChainAlertFired",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "measure",
                    models.CharField(
                        choices=[
                            ("oi_velocity", "oi_velocity"),
                            ("build_up", "build_up"),
                            ("pcr", "pcr"),
                            ("atm_iv", "atm_iv"),
                        ],
                        max_length=16,
                    ),
                ),
                ("expiry", models.DateField()),
                ("at", models.DateTimeField()),
                ("text", models.CharField(max_length=200)),
                (
                    "tracked",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="fired",
                        to="options.trackedunderlying",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ChainAlert",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "measure",
                    models.CharField(
                        choices=[
                            ("oi_velocity", "oi_velocity"),
                            ("build_up", "build_up"),
                            ("pcr", "pcr"),
                            ("atm_iv", "atm_iv"),
                        ],
                        max_length=16,
                    ),
                ),
                ("level", models.FloatField()),
                ("created_at", models.DateTimeField()),
                (
                    "tracked",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="alerts",
                        to="options.trackedunderlying",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="trackedunderlying",
            constraint=models.UniqueConstraint(fields=("owner", "underlying"), name="one_row_per_owner_and_underlying"),
        ),
        migrations.AddConstraint(
            model_name="trackedunderlying",
            constraint=models.CheckConstraint(
                condition=models.Q(("expiries__gte", 1), ("expiries__lte", 6)), name="a_chain_has_one_to_six_expiries"
            ),
        ),
        migrations.AddIndex(
            model_name="chainminute",
            index=models.Index(fields=["tracked", "day", "expiry"], name="minutes_of_a_day"),
        ),
        migrations.AddConstraint(
            model_name="chainminute",
            constraint=models.UniqueConstraint(
                fields=("tracked", "expiry", "at"), name="one_row_per_expiry_and_minute"
            ),
        ),
        migrations.AddConstraint(
            model_name="chainday",
            constraint=models.UniqueConstraint(fields=("tracked", "day"), name="one_volatility_per_day"),
        ),
        migrations.AddConstraint(
            model_name="chainday",
            constraint=models.CheckConstraint(condition=models.Q(("iv_30d__gt", 0)), name="a_volatility_is_positive"),
        ),
        migrations.AddIndex(
            model_name="chainalertfired",
            index=models.Index(fields=["tracked", "-at"], name="newest_fired_first"),
        ),
        migrations.AddConstraint(
            model_name="chainalert",
            constraint=models.UniqueConstraint(fields=("tracked", "measure", "level"), name="one_alert_per_level"),
        ),
        migrations.AddConstraint(
            model_name="chainalert",
            constraint=models.CheckConstraint(
                condition=models.Q(("level__gt", 0)), name="an_alert_has_a_positive_level"
            ),
        ),
    ]
