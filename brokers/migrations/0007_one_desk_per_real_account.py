from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("brokers", "0006_changes_know_their_list"),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="tradingaccount",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_simulated", False)),
                fields=("venue", "venue_user_id"),
                name="one_desk_per_real_account",
            ),
        ),
    ]
