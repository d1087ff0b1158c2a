"""Fetch the venues' lists at 08:30, on every day: the exchanges trade on some Sundays too."""

from django.db import migrations

INSTRUMENTS = "Instrument lists"


def reschedule(apps, schema_editor):
    crontabs = apps.get_model("django_celery_beat", "CrontabSchedule")
    tasks = apps.get_model("django_celery_beat", "PeriodicTask")
    morning, _ = crontabs.objects.get_or_create(
        minute="30", hour="8", day_of_week="*", day_of_month="*", month_of_year="*", timezone="Asia/Kolkata"
    )
    tasks.objects.filter(name=INSTRUMENTS, crontab__minute="35", crontab__hour="8").update(crontab=morning)


class Migration(migrations.Migration):
    dependencies = [
        ("execution", "0004_market_clock"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]
    operations = [migrations.RunPython(reschedule, migrations.RunPython.noop)]
