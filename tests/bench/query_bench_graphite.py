"""Debian's graphite-web over trees of whisper files, for ./plumbago bench query.

  query_bench_graphite.py PORT DIRECTORY TREE...

One process with an sqlite database in DIRECTORY, without a carbon and without caches of any kind: what
it costs to answer, no more.
"""

import os
import pathlib
import socketserver
import sys
import wsgiref.simple_server

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "conformance"))
import graphite_setup  # noqa: E402


class Server(socketserver.ThreadingMixIn, wsgiref.simple_server.WSGIServer):
    daemon_threads = True


class QuietHandler(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, *_):
        pass


def main():
    os.environ["DJANGO_SETTINGS_MODULE"] = "graphite.settings"
    from django.conf import settings
    port, directory, *trees = sys.argv[1:]
    settings.STANDARD_DIRS = trees
    settings.CLUSTER_SERVERS = []
    settings.CARBONLINK_HOSTS = []
    settings.FETCH_TIMEOUT = settings.FIND_TIMEOUT = 600
    settings.ALLOWED_HOSTS = ["*"]
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}
    settings.DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3",
                                      "NAME": os.path.join(directory, "graphite.db")}}
    graphite_setup.load(directory)
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application
    call_command("migrate", run_syncdb=True, verbosity=0)
    with wsgiref.simple_server.make_server("127.0.0.1", int(port), get_wsgi_application(),
                                           Server, QuietHandler) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
