"""When the nearest use of each limit is noted and its breach tried in shadow, which an operator may move in the admin."""

from django.db import migrations

NAME = "Limits in use, and their breaches in shadow"


def add(apps, schema_editor):
    intervals = apps.get_model("django_celery_beat", "IntervalSchedule")
    every, _ = intervals.objects.get_or_create(every=30, period="seconds")
    apps.get_model("django_celery_beat", "PeriodicTask").objects.get_or_create(
        name=NAME, defaults={"task": "execution.limits_watch", "interval": every, "queue": "default"}
    )


def remove(apps, schema_editor):
    apps.get_model("django_celery_beat", "PeriodicTask").objects.filter(name=NAME).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("risk", "0004_how_near_limits_came_and_shadow_breaches"),
        ("django_celery_beat", "0019_alter_periodictasks_options"),
    ]
    operations = [migrations.RunPython(add, remove)]
