"""Put the room's regular work into the schedule that the admin shows."""

from django.db import migrations

INSTRUMENTS = "Instrument lists"
CLEARING = "Old commands and curves"


def schedule(apps, schema_editor):
    crontabs = apps.get_model("django_celery_beat", "CrontabSchedule")
    tasks = apps.get_model("django_celery_beat", "PeriodicTask")
    # Kite's list of the day is complete from about 08:30
    morning, _ = crontabs.objects.get_or_create(
        minute="35", hour="8", day_of_week="1-5", day_of_month="*", month_of_year="*", timezone="Asia/Kolkata"
    )
    night, _ = crontabs.objects.get_or_create(
        minute="10", hour="3", day_of_week="*", day_of_month="*", month_of_year="*", timezone="Asia/Kolkata"
    )
    for name, task, crontab in (
        (INSTRUMENTS, "execution.instruments_refresh", morning),
        (CLEARING, "execution.rows_clear", night),
    ):
        tasks.objects.get_or_create(name=name, defaults={"task": task, "crontab": crontab, "queue": "default"})


def unschedule(apps, schema_editor):
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name__in=[INSTRUMENTS, CLEARING]).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("execution", "0002_journal_is_append_only"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]
    operations = [migrations.RunPython(schedule, unschedule)]
