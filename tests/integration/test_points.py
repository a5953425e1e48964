"""The way of points through the whole system, with real programs at both ends.

TCP and UDP senders, collectd, Debian's whisper tools on our files, foreign files in the tree, bad
lines, SIGTERM of each service while points arrive, a stopped shard.
"""

import json
import os
import pathlib
import random
import re
import subprocess
import tempfile
import threading
import time
import unittest

import harness

BIN = os.environ["PLUMBAGO_BIN"]
SCHEMAS = "[fast]\npattern = .*\nretentions = 1s:10m,10s:2h\n"
VISIBLE_SECONDS = 2


def now():
    return int(time.time())


def whisper_tool(name, *arguments):
    return subprocess.run([f"/usr/bin/{name}", *map(str, arguments)],
                          check=True, capture_output=True, text=True).stdout


class PointsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = harness.Cluster(BIN, shards=2, schemas=SCHEMAS,
                                      cache_flags=["--flush-age", "500ms"],
                                      store_flags=["--rescan-interval", "1s"])
        cls.cluster.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(None, None, None)

    def seconds_until_rendered(self, metric, value, send):
        at = now()
        send(f"{metric} {value} {at}\n")
        begin = time.monotonic()
        harness.wait_until(
            lambda: self.cluster.points(metric, at - 10, at + 1).get(metric) == {at: value},
            f"{metric} is rendered")
        return time.monotonic() - begin

    def assert_visible_soon(self, name, send):
        # The best of three: another program on the machine may delay one.
        best = min(self.seconds_until_rendered(f"visible.{name}.n{i}", 40 + i, send) for i in range(3))
        self.assertLess(best, VISIBLE_SECONDS)
        harness.wait_until(lambda: self.cluster.file_of(f"visible.{name}.n0"), "the file is there")
        found = self.cluster.get("/metrics/find", query=f"visible.{name}.*")
        self.assertEqual([node["text"] for node in found], ["n0", "n1", "n2"])

    def test_points_over_tcp_are_rendered_within_two_seconds_and_in_the_files(self):
        self.assert_visible_soon("tcp", self.cluster.send_tcp)

    def test_points_over_udp_are_rendered_within_two_seconds_and_in_the_files(self):
        self.assert_visible_soon("udp", self.cluster.send_udp)

    def test_files_have_the_values_of_render_by_whispers_own_tools(self):
        seed = random.randrange(2**32)
        print(f"seed {seed}")
        generator = random.Random(seed)
        end = now() - 1
        sent = {end - i: round(generator.uniform(-1e6, 1e6), 3) for i in range(200)}
        metric = "tools.values"
        self.cluster.send_tcp("".join(f"{metric} {value} {at}\n" for at, value in sent.items()))
        harness.wait_until(lambda: self.cluster.points(metric, end - 200, end).get(metric) == sent,
                           "all points are rendered")
        path = harness.wait_until(lambda: self.cluster.file_of(metric), "the file is there")

        def in_file():
            answer = json.loads(whisper_tool("whisper-fetch", path, "--from", end - 200, "--until", end, "--json"))
            times = range(answer["start"], answer["end"], answer["step"])
            return {at: value for at, value in zip(times, answer["values"]) if value is not None}
        harness.wait_until(lambda: in_file() == sent, "whisper-fetch gives the same points")

        info = json.loads(whisper_tool("whisper-info", path, "--json"))
        self.assertEqual([(one["secondsPerPoint"], one["points"]) for one in info["archives"]],
                         [(1, 600), (10, 720)])
        self.assertEqual(info["aggregationMethod"], "average")
        self.assertEqual(info["fileSize"], path.stat().st_size)

    def test_collectd_sends_metrics_that_can_be_found(self):
        with tempfile.TemporaryDirectory() as directory:
            configuration = pathlib.Path(directory) / "collectd.conf"
            configuration.write_text(f"""
                Hostname "testhost"
                FQDNLookup false
                BaseDir "{directory}"
                PIDFile "{directory}/collectd.pid"
                Interval 1
                LoadPlugin load
                LoadPlugin memory
                LoadPlugin csv
                LoadPlugin write_graphite
                <Plugin csv>
                  DataDir "{directory}/csv"
                </Plugin>
                <Plugin write_graphite>
                  <Node "plumbago">
                    Host "127.0.0.1"
                    Port "{self.cluster.plaintext_port}"
                    Protocol "tcp"
                    Prefix "collectd."
                  </Node>
                </Plugin>
                """)
            log = open(pathlib.Path(directory) / "collectd.log", "w+")
            daemon = subprocess.Popen(["/usr/sbin/collectd", "-f", "-C", str(configuration)],
                                      stdout=log, stderr=log)
            try:
                self.cluster.wait_for_series("collectd.testhost.load.load.*", 3)
                # collectd fills a buffer before it sends, so its metrics come in pieces.
                harness.wait_until(
                    lambda: self.cluster.get("/metrics/find", query="collectd.testhost.memory.memory-free"),
                    "memory-free is found")
                one_minute = self.cluster.points("collectd.testhost.load.load.shortterm", "-2min", "now")
                self.assertTrue(all(value >= 0 for value in one_minute.popitem()[1].values()))
                self.assert_as_collectd_wrote(pathlib.Path(directory) / "csv" / "testhost" / "memory",
                                              "memory-free")
            except AssertionError:
                log.seek(0)
                print(f"---- log of collectd\n{log.read()}")
                raise
            finally:
                daemon.terminate()
                daemon.wait(20)
                log.close()

    def assert_as_collectd_wrote(self, directory, name):
        """What collectd's csv plugin has written of a metric is what has arrived."""
        def rendered():
            shown = self.cluster.points(f"collectd.testhost.memory.{name}", "-2min", "now")
            return next(iter(shown.values()), {})
        harness.wait_until(lambda: len(rendered()) > 2, f"three points of {name} are rendered")
        arrived = rendered()
        written = {}
        for file in directory.glob(f"{name}-*"):
            for line in file.read_text().splitlines()[1:]:  # behind the heading
                at, value = line.split(",")
                written[float(at)] = float(value)
        for at, value in arrived.items():
            # Its writers cut or round the time to seconds.
            near = [one for when, one in written.items() if abs(when - at) <= 1]
            self.assertIn(value, near, f"{name} at {at}: {written}")

    def test_files_of_another_tool_are_found_and_served(self):
        end = now() // 60 * 60
        for number, store in enumerate(self.cluster.stores):
            directory = store.data_dir / "whisper/default/foreign/tool"
            directory.mkdir(parents=True, exist_ok=True)
            path = directory / f"series{number}.wsp"
            whisper_tool("whisper-create", path, "60s:1d")
            whisper_tool("whisper-update", path, f"{end - 60}:{number}.5", f"{end}:{number}.25")
        harness.wait_until(lambda: len(self.cluster.get("/metrics/find", query="foreign.tool.*")) == 2,
                           "both are found")
        self.assertEqual(self.cluster.points("foreign.tool.*", end - 120, end),
                         {"foreign.tool.series0": {end - 60: 0.5, end: 0.25},
                          "foreign.tool.series1": {end - 60: 1.5, end: 1.25}})

    def test_a_corrupt_file_fails_alone_and_is_not_touched(self):
        at = now()
        self.cluster.send_tcp(f"damage.good 1 {at}\ndamage.bad 2 {at}\n")
        path = harness.wait_until(lambda: self.cluster.file_of("damage.bad"), "the file is there")
        self.cluster.wait_for_series("damage.*", 2)
        store = next(store for store in self.cluster.stores if store.data_dir in path.parents)
        store.stop()
        path.write_bytes(b"this is not a whisper file")
        store.start().wait_ready()
        # The good series needs its points from the store only once they have left the cache.
        harness.wait_until(lambda: self.cluster.points("damage.good", at - 10, at).get("damage.good") == {at: 1.0},
                           "the good series is served")
        status, headers, _ = harness.http(self.cluster.url("/render", target="damage.*", format="json",
                                                           **{"from": at - 10, "until": at}))
        self.assertEqual(status, 200)
        self.assertIn("damage.bad", str(headers))
        self.cluster.send_tcp(f"damage.bad 3 {at + 1}\ndamage.good 4 {at + 1}\n")
        harness.wait_until(
            lambda: store.metric("plumbago_points_dropped_total", reason="corrupt_file") >= 1,
            "the lost point is counted")
        self.assertEqual(path.read_bytes(), b"this is not a whisper file")
        path.unlink()

    def test_bad_lines_are_refused_by_reason_and_the_connection_goes_on(self):
        bad = {
            "field_count": ["one", "two fields", "a 1 2 3"],
            "bad_value": ["m.v x {at}", "m.v nan {at}"],
            "bad_timestamp": ["m.v 1 yesterday"],
            "time_out_of_range": ["m.v 1 0", "m.v 1 4294967296"],
            "line_too_long": ["m." + "x" * 8200 + " 1 {at}"],
            "empty_node": ["a..b 1 {at}", ".. 1 {at}", ".a 1 {at}", "a. 1 {at}"],
            "slash_in_name": ["a/b 1 {at}", "a/../../etc/passwd 1 {at}"],
            "control_byte": ["a\x01b 1 {at}"],
            "invalid_utf8": ["a\xff 1 {at}"],
        }
        before = {reason: self.cluster.relay.metric("plumbago_points_dropped_total", reason=reason)
                  for reason in bad}
        at = now()
        with self.cluster.connect() as connection:
            for lines in bad.values():
                for line in lines:
                    connection.sendall(line.replace("{at}", str(at)).encode("latin-1") + b"\n")
            connection.sendall(f"after.bad.lines 7 {at}\n".encode())
            harness.wait_until(
                lambda: self.cluster.points("after.bad.lines", at - 5, at) == {"after.bad.lines": {at: 7.0}},
                "the line after the bad ones arrives on the same connection")
        for reason, lines in bad.items():
            # The two with ".." and "/" may be refused for either.
            refused = self.cluster.relay.metric("plumbago_points_dropped_total", reason=reason) - before[reason]
            self.assertEqual(refused, len(lines), reason)
        store_files = [path for store in self.cluster.stores for path in (store.data_dir / "whisper").rglob("*")]
        self.assertFalse([path for path in store_files if "passwd" in path.name])

    def test_every_service_answers_metrics_that_prometheus_can_parse(self):
        sample = re.compile(
            r'^[a-zA-Z_:][a-zA-Z0-9_:]*'
            r'(\{([a-zA-Z_][a-zA-Z0-9_]*="(\\.|[^"\\])*",?)*\})? '
            r'([-+]?[0-9.]+(e[-+]?[0-9]+)?|NaN|[-+]Inf)( [0-9]+)?$', re.IGNORECASE)
        for service in self.cluster.services:
            status, headers, body = harness.http(f"http://127.0.0.1:{service.admin_port}/metrics")
            self.assertEqual(status, 200)
            self.assertIn("text/plain", headers["Content-Type"])
            samples = [line for line in body.decode().splitlines() if line and not line.startswith("#")]
            self.assertGreater(len(samples), 3, service.name)
            for line in samples:
                self.assertRegex(line, sample)
            self.assertEqual(harness.http(f"http://127.0.0.1:{service.admin_port}/healthz")[0], 200)


class OrderlyStopTest(unittest.TestCase):
    def test_sigterm_of_each_service_in_turn_loses_nothing(self):
        with harness.Cluster(BIN, shards=2, schemas=SCHEMAS,
                             cache_flags=["--flush-age", "1s"]) as cluster:
            first = now() - 500
            sent = 0
            for service in [*cluster.stores, *cluster.caches, cluster.query, cluster.controller, cluster.relay]:
                stop = threading.Event()
                counts = []

                # One point a round for each of 50 series, over one connection, until told to stop.
                def send(begin):
                    count = 0
                    with cluster.connect() as connection:
                        while not stop.is_set() and count < 60:
                            at = first + begin + count
                            connection.sendall("".join(f"stop.series{i} {begin + count} {at}\n"
                                                       for i in range(50)).encode())
                            count += 1
                            stop.wait(0.01)
                    counts.append(count)
                sender = threading.Thread(target=send, args=(sent,))
                sender.start()
                if service is cluster.relay:
                    # Plaintext has no answer: what a sender writes into a closing socket is lost by
                    # the protocol. So all is sent before the relay is told to stop.
                    sender.join()
                    self.assertEqual(service.stop(), 0, service.log()[-500:])
                else:
                    self.assertEqual(service.stop(), 0, service.log()[-500:])
                    stop.set()
                    sender.join()
                service.start().wait_ready()
                sent += counts[0]
            expected = {first + k: float(k) for k in range(sent)}

            def is_complete():
                rendered = cluster.points("stop.*", first - 1, first + sent)
                return len(rendered) == 50 and all(points == expected for points in rendered.values())
            harness.wait_until(is_complete, f"all {sent} points of 50 series are rendered")


class KilledStoreTest(unittest.TestCase):
    def test_a_store_that_was_killed_gets_everything_when_it_is_back(self):
        with harness.Cluster(BIN, shards=1, schemas=SCHEMAS, cache_flags=["--flush-age", "200ms"]) as cluster:
            at = now()
            cluster.send_tcp(f"killed.before 1 {at}\n")
            cluster.wait_for_series("killed.before", 1)
            cluster.wait_until_stored(1)
            cluster.stores[0].kill()
            # More than the batches that the cache keeps on the way.
            cluster.send_tcp("".join(f"killed.s{i} {k} {at - 60 + k}\n"
                                     for k in range(20) for i in range(10_000)))
            harness.wait_until(lambda: cluster.unstored_points() == 200_000, "the cache has all points")
            cluster.stores[0].start().wait_ready()
            cluster.wait_until_stored(200_001)
            expected = {at - 60 + k: float(k) for k in range(20)}
            self.assertEqual(cluster.points("killed.s9999", at - 61, at), {"killed.s9999": expected})
            self.assertEqual(len(cluster.points("killed.s*", at - 61, at)), 10_000)


class KilledCacheTest(unittest.TestCase):
    def test_a_cache_that_was_killed_has_everything_when_it_is_back(self):
        """Nothing is flushed for an hour, so that only the journal has the points."""
        flags = ["--flush-age", "1h", "--flush-age-new", "1h"]
        with harness.Cluster(BIN, shards=1, schemas=SCHEMAS, cache_flags=flags) as cluster:
            at = now()
            cluster.send_tcp("".join(f"kill.cache.s{i} {i + k} {at - 60 + k}\n"
                                     for k in range(20) for i in range(500)))
            harness.wait_until(lambda: cluster.unstored_points() == 10_000, "the cache has all points")
            cache = cluster.caches[0]
            self.assertEqual(cache.metric("plumbago_previous_stop_was_unclean"), 0)
            cache.kill()
            cache.start().wait_ready()
            self.assertEqual(cache.metric("plumbago_cache_points_replayed_total"), 10_000)
            self.assertEqual(cache.metric("plumbago_previous_stop_was_unclean"), 1)
            cache.stop()  # a stop in order flushes what was replayed
            cache.start().wait_ready()
            self.assertEqual(cache.metric("plumbago_previous_stop_was_unclean"), 0)
            for i in (0, 250, 499):
                expected = {at - 60 + k: float(i + k) for k in range(20)}
                self.assertEqual(cluster.points(f"kill.cache.s{i}", at - 61, at),
                                 {f"kill.cache.s{i}": expected})


class StoppedShardTest(unittest.TestCase):
    def test_a_stopped_shard_gives_a_partial_answer_within_its_deadline(self):
        with harness.Cluster(BIN, shards=2, schemas=SCHEMAS, cache_flags=["--flush-age", "500ms"],
                             query_flags=["--shard-timeout", "1s"]) as cluster:
            at = now()
            cluster.send_tcp("".join(f"shards.s{i} {i} {at}\n" for i in range(40)))
            cluster.wait_for_series("shards.*", 40)
            cluster.wait_until_stored(40)
            for service in (cluster.stores[1], cluster.caches[1]):
                service.suspend()
            begin = time.monotonic()
            parameters = {"target": "shards.*", "from": at - 10, "until": at, "format": "json"}
            status, headers, body = harness.http(cluster.url("/render", **parameters), timeout=20)
            self.assertLess(time.monotonic() - begin, 5)
            self.assertEqual(status, 200)
            self.assertIn("shard-1", headers["X-Plumbago-Partial"])
            self.assertTrue(0 < len(json.loads(body)) < 40)
            status, _, body = harness.http(cluster.url("/render", partial="deny", **parameters), timeout=20)
            self.assertEqual(status, 503)
            self.assertIn("shard-1", json.loads(body)["message"])
            for service in (cluster.stores[1], cluster.caches[1]):
                service.resume()

            def is_whole():
                status, headers, body = harness.http(cluster.url("/render", **parameters), timeout=20)
                return status == 200 and headers["X-Plumbago-Partial"] is None and len(json.loads(body)) == 40
            harness.wait_until(is_whole, "the answer is whole again")


class BadConfigurationTest(unittest.TestCase):
    def test_an_unknown_key_is_refused_with_its_line(self):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "relay.toml"
            path.write_text("# a comment\nlog-level = \"info\"\nlog-levle = \"debug\"\n")
            for program in ("relay", "cache", "store", "query", "tenant-controller"):
                result = subprocess.run([f"{BIN}/plumbago-{program}", "--config", str(path)],
                                        capture_output=True, text=True, timeout=20)
                self.assertNotEqual(result.returncode, 0)
                self.assertIn("relay.toml line 3: unknown key 'log-levle'", result.stderr)

    def test_a_port_in_use_is_named(self):
        with harness.Cluster(BIN, shards=1) as cluster:
            second = harness.Service(cluster, "relay-2", "plumbago-relay", cluster.relay.flags)
            second.start()
            self.assertEqual(second.process.wait(20), 1)
            self.assertIn(f"127.0.0.1:{cluster.plaintext_port}", second.log())
            second.process = None


if __name__ == "__main__":
    unittest.main()
