"""A tree that Debian's carbon-cache has written is served with the values that whisper-fetch gives.

carbon-cache runs with a configuration of its own and keeps its files where a store keeps those of the
tenant `default`; it takes points of several retentions, tagged series among them, and is stopped. Then
the services start over that tree.
"""

import hashlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time
import unittest

import harness

BIN = os.environ["PLUMBAGO_BIN"]
CARBON = shutil.which("carbon-cache")
WHISPER_FETCH = shutil.which("whisper-fetch")

SCHEMAS = """\
[fine]
pattern = ^fine\\.
retentions = 1s:10m,1m:2h
[middle]
pattern = ^middle\\.
retentions = 10s:1h,1m:6h,10m:7d
[default]
pattern = .*
retentions = 60s:1d,5m:7d
"""
AGGREGATION = """\
[count]
pattern = \\.count$
xFilesFactor = 0
aggregationMethod = sum
[max]
pattern = \\.max$
xFilesFactor = 0.1
aggregationMethod = max
[default]
pattern = .*
xFilesFactor = 0.3
aggregationMethod = average
"""
CARBON_CONF = """\
[cache]
STORAGE_DIR = {root}/storage
CONF_DIR = {root}/conf
LOCAL_DATA_DIR = {data}
LOG_DIR = {root}/log
PID_DIR = {root}
USER =
MAX_CREATES_PER_MINUTE = inf
MAX_UPDATES_PER_SECOND = inf
LINE_RECEIVER_INTERFACE = 127.0.0.1
LINE_RECEIVER_PORT = {line_port}
PICKLE_RECEIVER_INTERFACE = 127.0.0.1
PICKLE_RECEIVER_PORT = {pickle_port}
CACHE_QUERY_INTERFACE = 127.0.0.1
CACHE_QUERY_PORT = {query_port}
ENABLE_TAGS = False
"""
UNTAGGED = ["fine.a.value", "fine.b.count", "middle.host1.cpu", "middle.host2.max", "other.x", "other.deep.er.y.count"]
TAGGED = ["disk.used;dc=x;rack=a1", "requests.count;host=h1"]


class Carbon:
    """carbon-cache with a directory of its own, its data in `data`."""

    def __init__(self, root, data):
        self.root, self.data = pathlib.Path(root), data
        self.line_port = harness.free_port()
        (self.root / "conf").mkdir(parents=True)
        for name in ("storage", "log"):
            (self.root / name).mkdir()
        conf = self.root / "conf"
        (conf / "storage-schemas.conf").write_text(SCHEMAS)
        (conf / "storage-aggregation.conf").write_text(AGGREGATION)
        (conf / "carbon.conf").write_text(CARBON_CONF.format(
            root=self.root, data=data, line_port=self.line_port, pickle_port=harness.free_port(),
            query_port=harness.free_port()))
        log = open(self.root / "carbon.out", "wb")
        self.process = subprocess.Popen(
            [CARBON, "--nodaemon", f"--config={conf}/carbon.conf", f"--pidfile={self.root}/carbon.pid", "start"],
            stdout=log, stderr=log, stdin=subprocess.DEVNULL, env={**os.environ, "GRAPHITE_ROOT": str(self.root)})

    def connect(self):
        def connected():
            assert self.process.poll() is None, (self.root / "carbon.out").read_text()[-3000:]
            try:
                return socket.create_connection(("127.0.0.1", self.line_port), timeout=5)
            except OSError:
                return None
        return harness.wait_until(connected, "carbon-cache listens", 30)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def lines(now):
    """Points over the retentions, with gaps, old ones among them."""
    for number, metric in enumerate(UNTAGGED + TAGGED):
        step = {"fine": 1, "middle": 10}.get(metric.split(".")[0], 60)
        for i in range(300):
            if i % 7 != number % 7:
                yield f"{metric} {number * 1000 + i * 0.25} {now - i * step}\n"
        for age in (3 * 3600, 5 * 3600):
            yield f"{metric} {number + age} {now - age}\n"


def fetched(path, since, until):
    """{time: value} of whisper-fetch, without the missing ones."""
    answer = subprocess.run([WHISPER_FETCH, "--json", f"--from={since}", f"--until={until}", str(path)],
                            check=True, capture_output=True, text=True)
    series = json.loads(answer.stdout)
    times = range(series["start"], series["end"], series["step"])
    return {at: value for at, value in zip(times, series["values"]) if value is not None}


class CarbonTreeTest(unittest.TestCase):
    def test_a_tree_of_carbon_is_served_as_whisper_fetch_reads_it(self):
        self.assertIsNotNone(CARBON, "install graphite-carbon")
        self.assertIsNotNone(WHISPER_FETCH, "install python3-whisper")
        cluster = harness.Cluster(BIN, shards=1)
        data = cluster.stores[0].data_dir / "whisper" / "default"
        data.mkdir(parents=True)
        self.addCleanup(shutil.rmtree, cluster.directory, ignore_errors=True)
        now = int(time.time())
        carbon = Carbon(cluster.directory / "carbon", data)
        try:
            with carbon.connect() as connection:
                connection.sendall("".join(lines(now)).encode())
            expected = len(UNTAGGED) + len(TAGGED)
            harness.wait_until(lambda: len(list(data.rglob("*.wsp"))) == expected,
                               f"carbon-cache has made {expected} files", 30)
        finally:
            carbon.stop()  # it writes what it still holds

        before = {path: path.read_bytes() for path in data.rglob("*.wsp")}
        with cluster:
            harness.wait_until(lambda: cluster.stores[0].metric("plumbago_store_series") >= len(UNTAGGED),
                               "the scan has found the files")
            for metric in UNTAGGED:
                self.check(cluster, metric, data / (metric.replace(".", "/") + ".wsp"), now)
            for metric in TAGGED:
                self.check(cluster, metric, self.tagged_path(data, metric), now)
            found = {node["id"] for node in cluster.get("/metrics/find", query="middle.*", format="treejson")}
            self.assertIn("middle.host1", found)
            self.assertEqual({path: path.read_bytes() for path in before}, before, "files were changed")

    def tagged_path(self, data, metric):
        digest = hashlib.sha256(metric.encode()).hexdigest()
        return data / "_tagged" / digest[:3] / digest[3:6] / (digest + ".wsp")

    def check(self, cluster, metric, path, now):
        """Windows that each archive answers."""
        for age in (200, 1800, 4 * 3600, 20 * 3600):
            since, until = now - age, now
            expected = fetched(path, since, until)
            got = cluster.points(metric, since, until).get(metric, {})
            self.assertEqual(got, expected, f"{metric} of the last {age} s")
            if age == 1800:
                self.assertGreaterEqual(len(expected), 5)  # 300 s of `fine` in its archive of minutes


if __name__ == "__main__":
    unittest.main()
