"""Stores Perfil's changes in Django's database."""

import logging

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.db import DataError, IntegrityError, transaction
from django.http import HttpResponse
from django.utils.crypto import get_random_string
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from .models import AppliedChange

logger = logging.getLogger(__name__)
FIELDS = ["username", "email", "first_name", "last_name", "number_phone", "avatar", "password"]


def column_of(field, record):
    """Returns the value to store for a field of the record that Perfil sent."""
    if field == "avatar":
        # The column contains the path below MEDIA_URL. New pictures are in Perfil's bucket, under the same URL.
        return (record["avatar"] or "").removeprefix("/media/")
    if field == "password":
        # BCryptPasswordHasher verifies Perfil's hash. If no hash is sent, store a random password instead of an
        # unusable one, which would also disable the reset by e-mail.
        sent = record.get("password_hash")
        return f"bcrypt${sent}" if sent else make_password(get_random_string(32))
    return record[field]


def apply(change):
    """Applies a change, unless it or a newer one has already been applied to the account."""
    account, record = change["subject"]["account"], change["record"]
    AppliedChange.objects.bulk_create([AppliedChange(account=account)], ignore_conflicts=True)
    older = AppliedChange.objects.filter(account=account, change_id__lt=change["id"])
    if not older.update(change_id=change["id"]) or record is None:
        return
    for field in (name for name in FIELDS if name in change["fields"]):
        try:
            with transaction.atomic():
                get_user_model().objects.filter(pk=account).update(**{field: column_of(field, record)})
        except (DataError, IntegrityError) as error:
            # Failing would block all later changes. Someone has to fix this value by hand.
            logger.error("change %s: %s of account %s was not stored: %s", change["id"], field, account, error)


@csrf_exempt
@require_POST
def changes(request):
    try:
        event = Webhook(settings.CHANGES_SECRET).verify(request.body, request.headers)
    except (WebhookVerificationError, ValueError):
        return HttpResponse(status=401)
    with transaction.atomic():
        for change in event["data"]["changes"]:
            apply(change)
    return HttpResponse(status=204)
