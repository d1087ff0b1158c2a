"""The fetch and the scan after the close, which an operator may move in the admin."""

from django.db import migrations

NAME = "Daily candles and scans"


def add(apps, schema_editor):
    crontabs = apps.get_model("django_celery_beat", "CrontabSchedule")
    # every day: on one without a session nothing is missing and nothing is asked for
    evening, _ = crontabs.objects.get_or_create(
        minute="20", hour="16", day_of_week="*", day_of_month="*", month_of_year="*", timezone="Asia/Kolkata"
    )
    apps.get_model("django_celery_beat", "PeriodicTask").objects.get_or_create(
        name=NAME, defaults={"task": "analysis.daily", "crontab": evening, "queue": "research"}
    )


def remove(apps, schema_editor):
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("analysis", "0003_lists_rules_notes_alerts_and_fetches"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]
    operations = [migrations.RunPython(add, remove)]
