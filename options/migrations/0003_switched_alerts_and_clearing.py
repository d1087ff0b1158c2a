"""Alerts that can be switched off, and the nightly clearing of what is kept, which an operator may move in the admin."""

from django.db import migrations, models

NAME = "Old chains cleared"


def add(apps, schema_editor):
    crontabs = apps.get_model("django_celery_beat", "CrontabSchedule")
    early, _ = crontabs.objects.get_or_create(
        minute="40", hour="5", day_of_week="*", day_of_month="*", month_of_year="*", timezone="Asia/Kolkata"
    )
    apps.get_model("django_celery_beat", "PeriodicTask").objects.get_or_create(
        name=NAME, defaults={"task": "options.clear", "crontab": early, "queue": "research"}
    )


def remove(apps, schema_editor):
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("django_celery_beat", "0019_alter_periodictasks_options"),
        ("options", "0002_tracked_underlyings"),
    ]
    operations = [
        migrations.AddField(model_name="chainalert", name="is_on", field=models.BooleanField(default=True)),
        migrations.RunPython(add, remove),
    ]
