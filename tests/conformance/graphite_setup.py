"""Loads Debian's graphite-web without a server or a database of its own."""
import os
import tempfile
import warnings


def load(directory=None):
    """Returns the directory that it uses, a new one unless it is given; remove it in the end."""
    warnings.simplefilter("ignore")
    os.environ["DJANGO_SETTINGS_MODULE"] = "graphite.settings"
    from django.conf import settings
    directory = directory or tempfile.mkdtemp(prefix="plumbago-graphite-")
    settings.LOG_DIR = settings.STORAGE_DIR = directory
    settings.LOG_FILE_INFO = settings.LOG_FILE_EXCEPTION = "-"
    settings.LOG_FILE_CACHE = settings.LOG_FILE_RENDERING = "-"
    settings.TIME_ZONE = "UTC"
    settings.SECRET_KEY = "none"
    import django
    django.setup()
    return directory
