"""Alerts on indicators have longer names, and what old alerts left behind goes once a night."""

from django.db import migrations, models

NAME = "Old alerts and their log"


def add(apps, schema_editor):
    crontabs = apps.get_model("django_celery_beat", "CrontabSchedule")
    night, _ = crontabs.objects.get_or_create(
        minute="40", hour="3", day_of_week="*", day_of_month="*", month_of_year="*", timezone="Asia/Kolkata"
    )
    apps.get_model("django_celery_beat", "PeriodicTask").objects.get_or_create(
        name=NAME, defaults={"task": "analysis.tidy", "crontab": night, "queue": "research"}
    )


def remove(apps, schema_editor):
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("analysis", "0004_daily_schedule"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]
    operations = [
        migrations.AlterField(
            model_name="pricealert", name="figure", field=models.CharField(default="last_price", max_length=64)
        ),
        migrations.AddIndex(model_name="alertfiring", index=models.Index(fields=["noted_at"], name="firings_by_age")),
        migrations.RunPython(add, remove),
    ]
