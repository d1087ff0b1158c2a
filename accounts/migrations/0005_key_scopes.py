from django.db import migrations, models

READING = ["read"]
# What a key that may trade could do before there were scopes; reading and revoking keys is new.
TRADING = ["read", "trade", "risk"]


def divide(apps, schema_editor):
    keys = apps.get_model("accounts", "ApiKey").objects
    keys.filter(may_trade=True).update(scopes=TRADING)
    keys.filter(may_trade=False).update(scopes=READING)


def join(apps, schema_editor):
    keys = apps.get_model("accounts", "ApiKey").objects
    for key in keys.all():
        keys.filter(pk=key.pk).update(may_trade="trade" in key.scopes)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_sign_ins"),
    ]

    operations = [
        migrations.AddField(model_name="apikey", name="scopes", field=models.JSONField(default=list)),
        migrations.RunPython(divide, join),
        migrations.RemoveField(model_name="apikey", name="may_trade"),
    ]
