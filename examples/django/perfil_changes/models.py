from django.db import models


class AppliedChange(models.Model):
    """The last change that was applied to an account."""

    account = models.BigIntegerField(primary_key=True)
    change_id = models.BigIntegerField(default=0)
