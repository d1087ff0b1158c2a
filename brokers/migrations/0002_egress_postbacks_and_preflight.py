import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import brokers.models


def doors(apps, schema_editor):
    for account in apps.get_model("brokers", "TradingAccount").objects.all():
        account.postback_door = brokers.models.new_postback_door()
        account.save(update_fields=["postback_door"])


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_schedules"),
        ("brokers", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Preflight",
            fields=[
                (
                    "account",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="preflight",
                        serialize=False,
                        to="brokers.tradingaccount",
                    ),
                ),
                ("at", models.DateTimeField()),
                ("egress_address", models.CharField(blank=True, max_length=200)),
                ("seen_address", models.CharField(blank=True, max_length=64)),
                ("source_address", models.CharField(blank=True, max_length=64)),
                ("clock_skew_s", models.FloatField(null=True)),
                ("findings", models.JSONField(default=list)),
            ],
        ),
        migrations.AddField(
            model_name="tradingaccount",
            name="postback_door",
            field=models.CharField(default=brokers.models.new_postback_door, editable=False, max_length=40),
        ),
        migrations.RunPython(doors, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="tradingaccount",
            name="postback_door",
            field=models.CharField(
                default=brokers.models.new_postback_door, editable=False, max_length=40, unique=True
            ),
        ),
        migrations.AddField(
            model_name="tradingaccount",
            name="relation",
            field=models.CharField(
                choices=[
                    ("self", "Myself"),
                    ("spouse", "My spouse"),
                    ("dependent_child", "My dependent child"),
                    ("dependent_parent", "My dependent parent"),
                ],
                default="self",
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="venuelogin",
            name="used_request",
            field=models.CharField(blank=True, max_length=64),
        ),
        migrations.AlterField(
            model_name="tradingaccount",
            name="egress_address",
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.CreateModel(
            name="FamilyTie",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "relation",
                    models.CharField(
                        choices=[
                            ("self", "Myself"),
                            ("spouse", "My spouse"),
                            ("dependent_child", "My dependent child"),
                            ("dependent_parent", "My dependent parent"),
                        ],
                        max_length=20,
                    ),
                ),
                ("declared_at", models.DateTimeField()),
                (
                    "declared_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "desk",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="family_ties", to="accounts.desk"
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="family_ties",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "relative",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("desk", "person", "relative"), name="one_tie_between_two_people"),
                    models.CheckConstraint(
                        condition=models.Q(("person", models.F("relative")), _negated=True),
                        name="nobody_is_tied_to_themselves",
                    ),
                ],
            },
        ),
    ]
