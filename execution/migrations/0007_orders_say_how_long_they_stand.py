"""How long an order stands, whether it may only reduce, and whose hand it was."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("execution", "0006_perpetual_fees_funding_and_margin"),
    ]

    operations = [
        migrations.AddField(
            model_name="order",
            name="reduce_only",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="order",
            name="source",
            field=models.CharField(blank=True, default="", max_length=12),
        ),
        migrations.AddField(
            model_name="order",
            name="validity",
            field=models.CharField(blank=True, default="", max_length=4),
        ),
    ]
