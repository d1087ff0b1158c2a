"""The room's own entries of the schedule, which an operator may then change in the admin."""

from django.db import migrations

EVERY = {"accounts.outbox_redispatch": 60, "accounts.leftovers_clear": 86_400}


def add(apps, schema_editor):
    intervals = apps.get_model("django_celery_beat", "IntervalSchedule")
    tasks = apps.get_model("django_celery_beat", "PeriodicTask")
    for name, seconds in EVERY.items():
        every, _ = intervals.objects.get_or_create(every=seconds, period="seconds")
        tasks.objects.get_or_create(name=name, defaults={"task": name, "interval": every, "queue": "default"})


def remove(apps, schema_editor):
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name__in=EVERY).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_kept_answers"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]
    operations = [migrations.RunPython(add, remove)]
