"""When the day's sessions end, which an operator may change in the admin; run where tokens may be opened."""

from django.db import migrations

EXPIRY = "Sessions whose time is up"
# the second one for venues that did not answer the first; at six the tokens die by themselves
LOGOUTS = {"Logout for the night": ("45", "5"), "Logout for the night, again": ("53", "5")}


def add(apps, schema_editor):
    intervals = apps.get_model("django_celery_beat", "IntervalSchedule")
    crontabs = apps.get_model("django_celery_beat", "CrontabSchedule")
    tasks = apps.get_model("django_celery_beat", "PeriodicTask")
    every, _ = intervals.objects.get_or_create(every=60, period="seconds")
    tasks.objects.get_or_create(
        name=EXPIRY, defaults={"task": "brokers.sessions_expire", "interval": every, "queue": "desk"}
    )
    for name, (minute, hour) in LOGOUTS.items():
        at, _ = crontabs.objects.get_or_create(
            minute=minute, hour=hour, day_of_week="*", day_of_month="*", month_of_year="*", timezone="Asia/Kolkata"
        )
        tasks.objects.get_or_create(
            name=name, defaults={"task": "brokers.sessions_end", "crontab": at, "queue": "desk"}
        )


def remove(apps, schema_editor):
    names = [EXPIRY, *LOGOUTS]
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name__in=names).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("brokers", "0004_freeze_quantities_and_december_hours"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]
    operations = [migrations.RunPython(add, remove)]
