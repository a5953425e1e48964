"""The systems that ./plumbago bench ingest measures: ours and the peers that are installed.

Each runs on free ports of the loopback, keeps its data in a temporary directory and takes plaintext
lines. What a peer cannot tell is found out from outside: a carbon that is idle has written what it had,
and a sample of its files is looked at.
"""

import collections
import contextlib
import http.client
import json
import os
import pathlib
import random
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.parse

import whisper

from measure import harness, progress, wait_for

ARCHIVES = "10s:1h,1m:1d"
SCHEMAS = f"[bench]\npattern = .*\nretentions = {ARCHIVES}\n"
POLL_SECONDS = 0.05
IDLE_SECONDS = 2.0
IDLE_CPU_SHARE = 0.03  # of a core: collectors and timers of an idle process
FLUSH_SECONDS_MAX = 1800
SAMPLES = 200

# The end of a load: how many points it has, and a series of them with the time of its last point.
Goal = collections.namedtuple("Goal", "points names last_time")


def write_bytes(pid):
    """What the process made dirty of files, as the kernel counts it."""
    for line in pathlib.Path(f"/proc/{pid}/io").read_text().splitlines():
        if line.startswith("write_bytes:"):
            return int(line.split()[1])
    raise KeyError("write_bytes")


class System:
    """One system under test. `parts` are its processes by name, `port` takes plaintext."""

    name = ""
    series_max = None  # more would take too long
    parts = {}
    port = 0

    def cpu_seconds(self):
        return {part: harness.cpu_seconds(pid) for part, pid in self.parts.items()}

    def write_bytes(self):
        return sum(write_bytes(pid) for pid in self.parts.values())

    def peak_bytes(self):
        return {part: harness.memory_bytes(pid, "VmHWM") for part, pid in self.parts.items()}

    def begin(self):
        """Before a load, which counts from here."""

    def wait_accepted(self, goal):
        """Returns when the load has been acknowledged; None where it is never acknowledged."""

    def wait_flushed(self, goal):
        """Waits until the load is in files. Returns the time of that and how many points are missing."""
        raise NotImplementedError

    def open_query(self):
        """A function from a name to the values of the last minute that a query sees, with a connection of
        its own; None where nothing can be asked."""
        return None

    def stop(self):
        raise NotImplementedError


class Ours(System):
    """Relay, cache and store of one or more shards, with their defaults, and a query service."""

    name = "plumbago"

    def __init__(self, bin_dir, shards, cache_flags):
        self.cluster = harness.Cluster(bin_dir, shards=shards, schemas=SCHEMAS, cache_flags=cache_flags)
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.cluster)
            self._stack = stack.pop_all()
        self.port = self.cluster.plaintext_port
        under_test = [self.cluster.relay, *self.cluster.caches, *self.cluster.stores]
        self.parts = {service.name: service.process.pid for service in under_test}

    def _accepted(self):
        return self.cluster.relay.metric("plumbago_relay_points_acknowledged_total")

    def _ended(self):
        """Stored, merged with a later one of the same time, or dropped."""
        names = ("plumbago_cache_points_stored_total", "plumbago_cache_points_merged_total",
                 "plumbago_points_dropped_total")
        return sum(cache.metric(name) for cache in self.cluster.caches for name in names)

    def _dropped(self):
        return sum(service.metric("plumbago_points_dropped_total") for service in self.cluster.services)

    def begin(self):
        self._before = {"accepted": self._accepted(), "ended": self._ended(), "dropped": self._dropped()}

    def wait_accepted(self, goal):
        wait_for(self._accepted, self._before["accepted"] + goal.points, "accepted", interval=POLL_SECONDS)
        return time.monotonic()

    def wait_flushed(self, goal):
        wait_for(self._ended, self._before["ended"] + goal.points, "stored", FLUSH_SECONDS_MAX, 0.2)
        return time.monotonic(), int(self._dropped() - self._before["dropped"])

    def open_query(self):
        get = open_http(self.cluster.http_port)

        def values(name):
            answer = get("/render", target=name, format="json", noCache=1, **{"from": "-1min"})
            return [value for series in json.loads(answer or "[]") for value, _ in series["datapoints"]]
        return values

    def stop(self):
        self._stack.close()


class Peer(System):
    """One process of another project, started with the files that `configure` writes."""

    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="plumbago-bench-"))
        self.port = harness.free_port()
        self.query_port = harness.free_port()
        command = self.configure()
        try:
            with open(self.directory / "log", "wb") as log:
                self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                                cwd=self.directory)
            self.parts = {self.name: self.process.pid}
            harness.wait_until(self._listens, f"{self.name} listens on port {self.port}")
        except BaseException:
            self.stop()
            raise

    def configure(self):
        """Writes what it needs into its directory and returns its command line."""
        raise NotImplementedError

    def _listens(self):
        assert self.process.poll() is None, (self.directory / "log").read_text(errors="replace")[-2000:]
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            return True
        return False

    def stop(self):
        if hasattr(self, "process"):
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


class VictoriaMetrics(Peer):
    """Single node, its own format; points are on disk when no more wait to be put into parts."""

    name = "victoria-metrics"

    def configure(self):
        return ["victoria-metrics", f"-storageDataPath={self.directory}/data", "-retentionPeriod=1d",
                f"-httpListenAddr=127.0.0.1:{self.query_port}",
                f"-graphiteListenAddr=127.0.0.1:{self.port}", "-search.latencyOffset=1ms"]

    def _count(self, prefix):
        text = harness.http(f"http://127.0.0.1:{self.query_port}/metrics")[2].decode()
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(prefix))

    def _inserted(self):
        return self._count('vm_rows_inserted_total{type="graphite"}')

    def begin(self):
        self._before = self._inserted()

    def wait_accepted(self, goal):
        wait_for(self._inserted, self._before + goal.points, "inserted", interval=POLL_SECONDS)
        return time.monotonic()

    def wait_flushed(self, goal):
        wait_for(lambda: -self._count("vm_pending_rows{"), 0, "flushed", interval=0.2)
        return time.monotonic(), 0

    def open_query(self):
        get = open_http(self.query_port)

        def values(name):
            answer = get("/api/v1/export", start=int(time.time()) - 60, **{"match[]": f'{{__name__="{name}"}}'})
            return [value for line in answer.splitlines() for value in json.loads(line)["values"]]
        return values


class Carbon(Peer):
    """What carbon-cache and go-carbon have in common: whisper files, no acknowledgements."""

    def _missing(self, goal):
        """The share of a sample of series whose last point is not in its file."""
        names = random.Random(1).sample(goal.names, min(SAMPLES, len(goal.names)))
        return sum(not self._has_point(name, goal.last_time) for name in names) / len(names)

    def _has_point(self, name, timestamp):
        path = self.directory / "whisper" / (name.replace(".", "/") + ".wsp")
        if not path.exists():
            return False
        with contextlib.suppress(Exception):  # it is being made
            _, values = whisper.fetch(str(path), timestamp - 10, timestamp)
            return values[0] is not None
        return False

    def wait_flushed(self, goal):
        """Until it has been idle; for longer where points are missing, since the disk may be the reason."""
        idle_since, cpu = time.monotonic(), harness.cpu_seconds(self.process.pid)
        deadline = idle_since + FLUSH_SECONDS_MAX
        while time.monotonic() < deadline:
            time.sleep(IDLE_SECONDS)
            cpu_before, cpu = cpu, harness.cpu_seconds(self.process.pid)
            if cpu - cpu_before > IDLE_SECONDS * IDLE_CPU_SHARE:
                idle_since = time.monotonic()
                continue
            missing = self._missing(goal)
            if missing == 0 or time.monotonic() - idle_since > 10 * IDLE_SECONDS:
                break
        return idle_since, round(missing * goal.points)


class CarbonCache(Carbon):
    """Debian's graphite-carbon, without its limits on updates and creations."""

    name = "carbon-cache"
    series_max = 20_000

    def configure(self):
        (self.directory / "storage-schemas.conf").write_text(SCHEMAS)
        settings = {
            "STORAGE_DIR": self.directory, "LOCAL_DATA_DIR": self.directory / "whisper",
            "CONF_DIR": self.directory, "LOG_DIR": self.directory, "PID_DIR": self.directory, "USER": "",
            "MAX_CACHE_SIZE": "inf", "MAX_UPDATES_PER_SECOND": "inf", "MAX_CREATES_PER_MINUTE": "inf",
            "LINE_RECEIVER_INTERFACE": "127.0.0.1", "LINE_RECEIVER_PORT": self.port,
            "PICKLE_RECEIVER_INTERFACE": "127.0.0.1", "PICKLE_RECEIVER_PORT": 0,
            "ENABLE_UDP_LISTENER": False,
            "CACHE_QUERY_INTERFACE": "127.0.0.1", "CACHE_QUERY_PORT": self.query_port,
            "LOG_UPDATES": False, "LOG_CREATES": False, "LOG_CACHE_HITS": False,
            "LOG_LISTENER_CONN_SUCCESS": False, "ENABLE_TAGS": False, "CARBON_METRIC_INTERVAL": 0,
            "WHISPER_FALLOCATE_CREATE": True}
        config = self.directory / "carbon.conf"
        config.write_text("[cache]\n" + "".join(f"{key} = {value}\n" for key, value in settings.items()))
        return ["carbon-cache", f"--config={config}", f"--pidfile={self.directory}/pid",
                f"--logdir={self.directory}", "--nodaemon", "start"]


class GoCarbon(Carbon):
    """The binary that GO_CARBON names, with its example's settings but for limits and caches of answers."""

    name = "go-carbon"
    series_max = 200_000

    def configure(self):
        (self.directory / "whisper").mkdir()
        (self.directory / "storage-schemas.conf").write_text(SCHEMAS)
        config = self.directory / "go-carbon.conf"
        config.write_text(f"""
[common]
user = ""
metric-interval = "1h"
max-cpu = {os.cpu_count()}
[whisper]
data-dir = "{self.directory}/whisper"
schemas-file = "{self.directory}/storage-schemas.conf"
workers = 8
max-updates-per-second = 0
enabled = true
[cache]
max-size = 100000000
write-strategy = "max"
[udp]
enabled = false
[tcp]
listen = "127.0.0.1:{self.port}"
enabled = true
[pickle]
enabled = false
[carbonlink]
enabled = false
[grpc]
enabled = false
[carbonserver]
listen = "127.0.0.1:{self.query_port}"
enabled = true
query-cache-enabled = false
find-cache-enabled = false
glob-cache-enabled = false
trigram-index = false
scan-frequency = "0s"
[[logging]]
file = "stderr"
level = "error"
""")
        return [os.environ["GO_CARBON"], "-config", str(config)]

    def open_query(self):
        get = open_http(self.query_port)

        def values(name):
            now = int(time.time())
            answer = get("/render/", target=name, format="json", until=now + 10, **{"from": now - 60})
            return [value for series in json.loads(answer or "{}").get("metrics") or []
                    for value in series["values"]]
        return values


def open_http(port):
    """A function that gets a path with parameters: the body, empty unless the status is 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def get(path, **parameters):
        connection.request("GET", f"{path}?{urllib.parse.urlencode(parameters)}")
        answer = connection.getresponse()
        body = answer.read().decode()
        return body if answer.status == 200 else ""
    return get


def peers():
    """Those that are installed."""
    found = []
    for peer, package in ((VictoriaMetrics, "victoria-metrics"), (CarbonCache, "graphite-carbon")):
        if shutil.which(peer.name):
            found.append(peer)
        else:
            progress(f"{peer.name} is not installed (Debian package {package}): left out")
    if os.environ.get("GO_CARBON"):
        found.append(GoCarbon)
    else:
        progress("GO_CARBON names no binary of go-carbon: left out")
    return found
