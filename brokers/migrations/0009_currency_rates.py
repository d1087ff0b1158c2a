"""What an operator reads as the price of one currency in another."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("brokers", "0008_accounts_proven_by_a_key"),
    ]

    operations = [
        migrations.CreateModel(
            name="CurrencyRate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("base", models.CharField(max_length=8)),
                ("quote", models.CharField(max_length=8)),
                ("rate", models.DecimalField(decimal_places=8, max_digits=20)),
                ("source", models.CharField(max_length=200)),
                ("at", models.DateTimeField()),
            ],
            options={
                "indexes": [models.Index(fields=["base", "quote", "-at"], name="brokers_cur_base_103a02_idx")],
                "constraints": [
                    models.UniqueConstraint(fields=("base", "quote", "at"), name="one_rate_a_moment"),
                    models.CheckConstraint(condition=models.Q(("rate__gt", 0)), name="rate_above_zero"),
                    models.CheckConstraint(
                        condition=models.Q(("base", models.F("quote")), _negated=True),
                        name="rate_between_two_currencies",
                    ),
                ],
            },
        ),
    ]
