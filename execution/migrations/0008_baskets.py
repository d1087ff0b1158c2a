"""Baskets of legs chosen by hand, and whose orders and fills are theirs."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

STATES = ["pending", "working", "filled", "unwinding", "unwound", "held", "refused"]


class Migration(migrations.Migration):
    dependencies = [
        ("brokers", "0010_listed_quantities_and_states"),
        ("execution", "0007_orders_say_how_long_they_stand"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Basket",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=60)),
                ("policy", models.CharField(choices=[("unwind", "unwind"), ("hold", "hold")], max_length=8)),
                ("book", models.CharField(choices=[("live", "live"), ("paper", "paper")], max_length=8)),
                ("state", models.CharField(choices=[(state, state) for state in STATES], max_length=12)),
                ("reason", models.CharField(blank=True, max_length=300)),
                ("legs", models.JSONField(default=list)),
                ("deadline_at", models.DateTimeField()),
                ("created_at", models.DateTimeField()),
                ("updated_at", models.DateTimeField()),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="baskets",
                        to="brokers.tradingaccount",
                    ),
                ),
                (
                    "requested_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["account", "-created_at"], name="execution_b_account_2318b6_idx")],
            },
        ),
        migrations.AddField(
            model_name="order",
            name="basket",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="orders",
                to="execution.basket",
            ),
        ),
        migrations.AddField(
            model_name="fill",
            name="basket",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="fills",
                to="execution.basket",
            ),
        ),
    ]
