"""Fees told by a venue, funding payments, and the margin of perpetual positions."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("brokers", "0009_currency_rates"),
        ("execution", "0005_lists_at_half_past_eight"),
    ]

    operations = [
        migrations.AddField(
            model_name="fill",
            name="fee_quote",
            field=models.DecimalField(decimal_places=8, max_digits=24, null=True),
        ),
        migrations.AddField(
            model_name="fill",
            name="fee_source",
            field=models.CharField(blank=True, default="", max_length=16),
        ),
        migrations.AddField(
            model_name="fill",
            name="source",
            field=models.CharField(
                choices=[("trade", "trade"), ("liquidation", "liquidation"), ("deleverage", "deleverage")],
                default="trade",
                max_length=12,
            ),
        ),
        migrations.AddField(
            model_name="positionrow",
            name="fees_today_quote",
            field=models.DecimalField(decimal_places=8, default=0, max_digits=24),
        ),
        migrations.AddField(
            model_name="positionrow",
            name="funding_today_quote",
            field=models.DecimalField(decimal_places=8, default=0, max_digits=24),
        ),
        migrations.AlterField(
            model_name="fill",
            name="product",
            field=models.CharField(
                choices=[("CNC", "CNC"), ("MIS", "MIS"), ("NRML", "NRML"), ("PERP", "PERP")], max_length=8
            ),
        ),
        migrations.AlterField(
            model_name="order",
            name="order_type",
            field=models.CharField(
                choices=[
                    ("MARKET", "MARKET"),
                    ("LIMIT", "LIMIT"),
                    ("SL", "SL"),
                    ("SL-M", "SL-M"),
                    ("TP", "TP"),
                    ("TP-M", "TP-M"),
                    ("TRAIL", "TRAIL"),
                ],
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="order",
            name="product",
            field=models.CharField(
                choices=[("CNC", "CNC"), ("MIS", "MIS"), ("NRML", "NRML"), ("PERP", "PERP")], max_length=8
            ),
        ),
        migrations.AlterField(
            model_name="positionrow",
            name="product",
            field=models.CharField(
                choices=[("CNC", "CNC"), ("MIS", "MIS"), ("NRML", "NRML"), ("PERP", "PERP")], max_length=8
            ),
        ),
        migrations.CreateModel(
            name="FundingRow",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("book", models.CharField(choices=[("live", "live"), ("paper", "paper")], max_length=8)),
                ("payment_id", models.CharField(max_length=80)),
                ("instrument", models.CharField(max_length=80)),
                (
                    "position_side",
                    models.CharField(choices=[("BOTH", "BOTH"), ("LONG", "LONG"), ("SHORT", "SHORT")], max_length=8),
                ),
                ("strategy_key", models.CharField(blank=True, max_length=40)),
                ("amount_quote", models.DecimalField(decimal_places=8, max_digits=24)),
                ("asset", models.CharField(max_length=16)),
                ("rate", models.DecimalField(decimal_places=10, max_digits=16, null=True)),
                ("source", models.CharField(max_length=40)),
                ("venue_day", models.DateField()),
                ("paid_at", models.DateTimeField()),
                ("booked_at", models.DateTimeField()),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="funding", to="brokers.tradingaccount"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["account", "-paid_at"], name="execution_f_account_d6bcfb_idx")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "payment_id", "strategy_key"), name="one_share_per_holder"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="MarginRow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("book", models.CharField(choices=[("live", "live"), ("paper", "paper")], max_length=8)),
                ("instrument", models.CharField(max_length=80)),
                (
                    "position_side",
                    models.CharField(choices=[("BOTH", "BOTH"), ("LONG", "LONG"), ("SHORT", "SHORT")], max_length=8),
                ),
                ("quantity", models.DecimalField(decimal_places=8, max_digits=24)),
                ("entry_price", models.DecimalField(decimal_places=8, max_digits=24)),
                ("leverage", models.PositiveSmallIntegerField(null=True)),
                (
                    "margin_mode",
                    models.CharField(
                        blank=True, choices=[("crossed", "crossed"), ("isolated", "isolated")], max_length=12
                    ),
                ),
                ("isolated_margin_quote", models.DecimalField(decimal_places=8, max_digits=24, null=True)),
                ("mark_price", models.DecimalField(decimal_places=8, max_digits=24, null=True)),
                ("liquidation_price", models.DecimalField(decimal_places=8, max_digits=24, null=True)),
                ("liquidation_source", models.CharField(blank=True, max_length=80)),
                ("updated_at", models.DateTimeField()),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="perpetual_margins",
                        to="brokers.tradingaccount",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "book", "instrument", "position_side"), name="one_margin_per_position_side"
                    )
                ],
            },
        ),
    ]
