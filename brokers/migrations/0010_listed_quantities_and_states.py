"""What Aster lists of a contract beside its tick: the step, the smallest order, and whether it trades."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("brokers", "0009_currency_rates"),
    ]

    operations = [
        migrations.AddField(
            model_name="listedinstrument",
            name="min_notional",
            field=models.DecimalField(decimal_places=8, max_digits=24, null=True),
        ),
        migrations.AddField(
            model_name="listedinstrument",
            name="min_quantity",
            field=models.DecimalField(decimal_places=12, max_digits=24, null=True),
        ),
        migrations.AddField(
            model_name="listedinstrument",
            name="quantity_step",
            field=models.DecimalField(decimal_places=12, max_digits=24, null=True),
        ),
        migrations.AddField(
            model_name="listedinstrument",
            name="status",
            field=models.CharField(blank=True, default="", max_length=16),
        ),
        migrations.AlterField(
            model_name="instrumentchange",
            name="kind",
            field=models.CharField(
                choices=[
                    ("new", "new"),
                    ("expired", "expired"),
                    ("gone", "gone"),
                    ("renamed", "renamed"),
                    ("lot", "lot"),
                    ("tick", "tick"),
                    ("step", "step"),
                    ("minimum", "minimum"),
                    ("leaving", "leaving"),
                    ("returned", "returned"),
                    ("number", "number"),
                ],
                max_length=12,
            ),
        ),
        migrations.AlterField(
            model_name="listedinstrument",
            name="tick_size",
            field=models.DecimalField(decimal_places=12, max_digits=24),
        ),
    ]
