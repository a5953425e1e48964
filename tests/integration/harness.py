"""Runs the real binaries on free ports with a temporary directory, for integration tests and benchmarks.

Only Python's standard library. A Cluster starts the tenant-controller, shards of a store and a cache
each, a relay and a query service; each of them can be stopped, killed, suspended and started again.
"""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

READY_SECONDS = 30
STOP_SECONDS = 40


_given_ports = set()


def free_port():
    """A port that is free for TCP and UDP, and given once. Taken from below the range of outgoing
    connections, so that no connection of a test gets it before its server does."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as limits:
        outgoing_first = int(limits.read().split()[0])
    while True:
        port = 10000 + int.from_bytes(os.urandom(4), "big") % (min(outgoing_first, 32000) - 10000)
        if port in _given_ports:
            continue
        _given_ports.add(port)
        try:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                with socket.socket(socket.AF_INET, kind) as probe:
                    probe.bind(("127.0.0.1", port))
            return port
        except OSError:
            continue


def wait_until(condition, what, seconds=20):
    """Returns the first true value of condition(); fails with `what` and its last value."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {seconds} s: {what}; the last value was {value!r}")
        time.sleep(0.02)


def http(url, data=None, headers=None, timeout=10):
    """Status, headers and body of a GET, or of a POST where `data` is given."""
    body = data.encode() if isinstance(data, str) else data
    request = urllib.request.Request(url, data=body, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def cpu_seconds(pid):
    """User and system time of a process and its threads, ended ones included."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_bytes(pid, field="VmRSS"):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise KeyError(field)


class Service:
    """One process with its ports, its flags and its log."""

    def __init__(self, cluster, name, program, flags):
        self.cluster = cluster
        self.name = name
        self.program = program
        self.flags = flags
        self.grpc_port = free_port()
        self.admin_port = free_port()
        self.data_dir = cluster.directory / name
        self.log_path = cluster.directory / f"{name}.log"
        self.process = None
        self.environment = {}  # beside that of the test

    @property
    def address(self):
        return f"127.0.0.1:{self.grpc_port}"

    def start(self):
        assert self.process is None, f"{self.name} runs already"
        command = [
            str(self.cluster.bin / self.program), "--data-dir", str(self.data_dir),
            "--listen", self.address, "--admin-listen", f"127.0.0.1:{self.admin_port}",
            *self.flags]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                            env={**os.environ, **self.environment})
        return self

    def wait_ready(self):
        def is_ready():
            if self.process.poll() is not None:
                raise AssertionError(f"{self.name} ended at its start:\n{self.log()[-2000:]}")
            try:
                return http(f"http://127.0.0.1:{self.admin_port}/readyz", timeout=2)[0] == 200
            except OSError:
                return False
        wait_until(is_ready, f"{self.name} is ready", READY_SECONDS)
        return self

    def stop(self):
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(STOP_SECONDS)
        self.process = None
        return code

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def suspend(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def metrics(self):
        """The samples of /metrics as {'name{labels}': value}."""
        text = http(f"http://127.0.0.1:{self.admin_port}/metrics")[2].decode()
        samples = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                key, value = line.rsplit(" ", 1)
                samples[key] = float(value)
        return samples

    def metric(self, name, **labels):
        """The sum of all samples of `name` that carry `labels`."""
        total = 0.0
        for key, value in self.metrics().items():
            base, _, rest = key.partition("{")
            if base == name and all(f'{k}="{v}"' in rest for k, v in labels.items()):
                total += value
        return total

    def cpu_seconds(self):
        return cpu_seconds(self.process.pid)

    def memory_bytes(self, field="VmRSS"):
        return memory_bytes(self.process.pid, field)


class Cluster:
    """All services of one system. Use as a context manager."""

    def __init__(self, bin_dir, shards=2, cache_flags=(), store_flags=(), relay_flags=(),
                 query_flags=(), schemas=None, aggregation=None):
        self.bin = pathlib.Path(bin_dir)
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="plumbago-"))
        self.plaintext_port = free_port()
        self.http_port = free_port()
        if schemas is not None:
            store_flags = [*store_flags, "--storage-schemas", self._write("storage-schemas.conf", schemas)]
        if aggregation is not None:
            store_flags = [*store_flags, "--storage-aggregation",
                           self._write("storage-aggregation.conf", aggregation)]
        self.controller = Service(self, "controller", "plumbago-tenant-controller", [])
        to_controller = ["--controller", self.controller.address]
        self.stores = [Service(self, f"store-{i}", "plumbago-store", [*to_controller, *store_flags])
                       for i in range(shards)]
        self.caches = [
            Service(self, f"cache-{i}", "plumbago-cache",
                    [*to_controller, "--store", self.stores[i].address, *cache_flags])
            for i in range(shards)]
        for i in range(shards):
            self.controller.flags += [
                "--shard",
                f"id=shard-{i},cache={self.caches[i].address},store={self.stores[i].address}"]
        plaintext = f"127.0.0.1:{self.plaintext_port}"
        if "--own-metrics-interval" not in relay_flags:  # tests count points
            relay_flags = ["--own-metrics-interval", "0s", *relay_flags]
        self.relay = Service(self, "relay", "plumbago-relay",
                             [*to_controller, "--plaintext-tcp", plaintext, "--plaintext-udp", plaintext,
                              *relay_flags])
        if "--result-cache-bytes" not in query_flags:  # tests see each point at once
            query_flags = ["--result-cache-bytes", "0", *query_flags]
        self.query = Service(self, "query", "plumbago-query",
                             [*to_controller, "--http-listen", f"127.0.0.1:{self.http_port}", *query_flags])

    def _write(self, name, content):
        path = self.directory / name
        path.write_text(content)
        return str(path)

    @property
    def services(self):
        """In the order of starting."""
        return [self.controller, *self.stores, *self.caches, self.relay, self.query]

    def start(self):
        for service in self.services:
            service.start()
        for service in self.services:
            service.wait_ready()
        return self

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise

    def __exit__(self, kind, error, traceback):
        for service in self.services:
            if service.process is not None:
                service.resume()
                service.kill()
            if kind is not None:
                print(f"---- log of {service.name}\n{service.log()[-3000:]}")
        shutil.rmtree(self.directory, ignore_errors=True)

    # ---- a client's view ----

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.plaintext_port), timeout=20)

    def send_tcp(self, text):
        data = text.encode() if isinstance(text, str) else text
        with self.connect() as connection:
            connection.sendall(data)

    def send_udp(self, text):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(text.encode(), ("127.0.0.1", self.plaintext_port))

    def url(self, path, **parameters):
        query = urllib.parse.urlencode(parameters, doseq=True)
        return f"http://127.0.0.1:{self.http_port}{path}" + (f"?{query}" if query else "")

    def get(self, path, **parameters):
        """The JSON answer of a GET; fails unless it is 200."""
        status, _, body = http(self.url(path, **parameters), timeout=30)
        assert status == 200, f"{path} {parameters}: {status} {body[:500]!r}"
        return json.loads(body)

    def points(self, target, start, end):
        """{series: {time: value}} of /render, without nulls."""
        answer = self.get("/render", **{"target": target, "from": start, "until": end, "format": "json"})
        return {series["target"]: {time: value for value, time in series["datapoints"] if value is not None}
                for series in answer}

    def wait_for_series(self, pattern, count, seconds=20):
        """Until /render of the last minutes shows `count` series."""
        def shown():
            answer = self.get("/render", **{"target": pattern, "from": "-10min", "format": "json"})
            return len(answer) == count
        wait_until(shown, f"{count} series match {pattern}", seconds)

    def unstored_points(self):
        return sum(cache.metric("plumbago_cache_points_pending") for cache in self.caches
                   if cache.process is not None)

    def wait_until_stored(self, points, seconds=60):
        """Until `points` points, counted from the start of the caches, are in the stores."""
        def stored():
            return sum(cache.metric("plumbago_cache_points_stored_total")
                       for cache in self.caches) >= points
        wait_until(stored, f"{points} points are stored", seconds)

    def file_of(self, metric, tenant="default"):
        """The whisper file of an untagged metric, on whichever shard has it; None while there is none."""
        relative = metric.replace(".", "/") + ".wsp"
        for store in self.stores:
            path = store.data_dir / "whisper" / tenant / relative
            if path.exists():
                return path
        return None
