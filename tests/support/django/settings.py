"""A Django project with the columns of django's accounts and the receiver's app, as the tests of it need one."""

import os

from django.conf.global_settings import PASSWORD_HASHERS as DEFAULT_HASHERS

SECRET_KEY = "a test secret, of tests alone"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "perfil_changes.urls"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "users", "perfil_changes"]
AUTH_USER_MODEL = "users.Users"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DATABASE"]}}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
USE_TZ = True
CHANGES_SECRET = os.environ["CHANGES_SECRET"]
PASSWORD_HASHERS = [*DEFAULT_HASHERS, "django.contrib.auth.hashers.BCryptPasswordHasher"]
