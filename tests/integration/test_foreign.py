"""A relay whose rules send to foreign destinations, with real programs at the other end.

carbon-cache.py gets pickles, carbon-c-relay gets lines, also over TLS; sinks of this script get lines,
compressed ones too, and put lines; a file is appended to. What arrives is compared by value. One
destination that hangs or is down holds up no other, and gets its points when it is back, also over a
killed relay. Of a group the one that is up gets what comes meanwhile. When memory and spool are full,
points are dropped and counted, or with --foreign-full pause their senders wait.
"""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import zlib

import harness
import whisper

BIN = os.environ["PLUMBAGO_BIN"]
CARBON_CONF = """\
[cache]
LINE_RECEIVER_INTERFACE = 127.0.0.1
LINE_RECEIVER_PORT = {line_port}
PICKLE_RECEIVER_INTERFACE = 127.0.0.1
PICKLE_RECEIVER_PORT = {pickle_port}
CACHE_QUERY_INTERFACE = 127.0.0.1
CACHE_QUERY_PORT = {query_port}
USER =
STORAGE_DIR = {directory}
LOCAL_DATA_DIR = {directory}/whisper
CONF_DIR = {directory}
LOG_DIR = {directory}
PID_DIR = {directory}
CARBON_METRIC_INTERVAL = 0
MAX_CREATES_PER_MINUTE = inf
ENABLE_TAGS = False
"""
# Appends the lines that its connections bring to a file.
SINK = """\
import selectors, socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
waiting = selectors.DefaultSelector()
waiting.register(listener, selectors.EVENT_READ)
rests = {}
with open(sys.argv[2], "ab", buffering=0) as out:
    while True:
        for key, _ in waiting.select():
            if key.fileobj is listener:
                waiting.register(listener.accept()[0], selectors.EVENT_READ)
                continue
            data = b""
            try:
                data = key.fileobj.recv(1 << 20)
            except ConnectionError:
                pass
            if data:
                lines, newline, rest = (rests.pop(key.fd, b"") + data).rpartition(b"\\n")
                rests[key.fd] = rest
                out.write(lines + newline)
            else:
                rests.pop(key.fd, None)
                waiting.unregister(key.fileobj)
                key.fileobj.close()
"""


def now():
    return int(time.time())


def make_certificates(directory):
    """ca.pem, and server.pem with its key, for the address 127.0.0.1."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)
    (directory / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=ca", "-keyout", "ca.key",
            "-out", "ca.pem", "-days", "2")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=server", "-keyout", "server.key",
            "-out", "server.csr")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-extfile", "names",
            "-CAcreateserial", "-out", "server.pem", "-days", "2")
    (directory / "both.pem").write_text((directory / "server.pem").read_text() +
                                        (directory / "server.key").read_text())


class ForeignTest(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="plumbago-foreign-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.bin = pathlib.Path(BIN)  # as harness.Service wants it of a cluster
        self.plaintext_port = harness.free_port()

    def start_relay(self, flags, rules="--relay-rules"):
        path = self.directory / "rules.conf"
        relay = harness.Service(self, "relay", "plumbago-relay", [
            "--controller", f"127.0.0.1:{harness.free_port()}", "--plaintext-udp", "",
            "--plaintext-tcp", f"127.0.0.1:{self.plaintext_port}", rules, str(path),
            "--spool-disk-free-min", "0",
            *([] if "--own-metrics-interval" in flags else ["--own-metrics-interval", "0s"]), *flags])
        self.addCleanup(self.end, relay)
        return relay.start().wait_ready()

    def end(self, service):
        if service.process is not None:
            service.kill()
        if any(error for _, error in getattr(self._outcome, "errors", [])):
            print(f"---- log of {service.name}\n{service.log()[-3000:]}")

    def write_rules(self, text):
        (self.directory / "rules.conf").write_text(text)

    def send(self, text):
        with socket.create_connection(("127.0.0.1", self.plaintext_port), timeout=20) as client:
            client.sendall(text.encode())

    def run_program(self, command, port):
        """Until the end of the test, and once it listens."""
        process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, cwd=self.directory)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(process.send_signal, signal.SIGCONT)
        def is_up():
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return True
            except OSError:
                return False
        harness.wait_until(is_up, f"{command[0]} listens", 60)
        return process

    def start_sink(self, port, name):
        return self.run_program([sys.executable, "-c", SINK, port, self.directory / name], port)

    def lines(self, name):
        """The set of whole lines that a file has."""
        path = self.directory / name
        if not path.exists():
            return set()
        return {line for line in path.read_text().split("\n")[:-1] if line}

    def wait_for_lines(self, name, expected, seconds=30):
        try:
            harness.wait_until(lambda: expected <= self.lines(name), f"{name} has everything", seconds)
        except AssertionError as error:
            missing = sorted(expected - self.lines(name))
            raise AssertionError(f"{error}; {len(missing)} are missing: {missing[:3]}") from None
        self.assertEqual(self.lines(name), expected)

    # ---- protocols ----

    def start_carbon_cache(self):
        ports = {name: harness.free_port() for name in ("line_port", "pickle_port", "query_port")}
        (self.directory / "carbon.conf").write_text(CARBON_CONF.format(directory=self.directory, **ports))
        (self.directory / "storage-schemas.conf").write_text("[a]\npattern = .*\nretentions = 1s:1h\n")
        self.run_program(["/usr/bin/carbon-cache", "--nodaemon", "--config", self.directory / "carbon.conf",
                          "--pidfile", self.directory / "pid", "--logdir", self.directory, "start"],
                         ports["pickle_port"])
        return ports["pickle_port"]

    def start_c_relay(self, listen=""):
        port = harness.free_port()
        (self.directory / "c-relay.conf").write_text(
            f"listen type linemode {listen} {port} proto tcp;\n"
            f"cluster out file {self.directory}/c-relay.out;\nmatch * send to out stop;\n")
        self.run_program(["/usr/bin/carbon-c-relay", "-f", self.directory / "c-relay.conf", "-s", "-H", "me"],
                         port)
        return port

    def carbon_has(self, metric, expected):
        path = self.directory / "whisper" / (metric.replace(".", "/") + ".wsp")
        def stored():
            if not path.exists():
                return None
            (start, end, step), values = whisper.fetch(str(path), min(expected) - 1, max(expected))
            return {at: value for at, value in zip(range(start, end, step), values) if value is not None}
        harness.wait_until(lambda: stored() == expected, f"carbon has {metric}", 30)

    def test_every_protocol_brings_what_was_sent(self):
        pickle_port, c_relay_port = self.start_carbon_cache(), self.start_c_relay()
        sink_port, tsdb_port = harness.free_port(), harness.free_port()
        self.start_sink(sink_port, "sink.out")
        self.start_sink(tsdb_port, "tsdb.out")
        self.write_rules(f"""\
[all]
default = true
destinations = 127.0.0.1:{pickle_port}:a, plaintext://127.0.0.1:{c_relay_port},\
 plaintext://127.0.0.1:{sink_port}, opentsdb://127.0.0.1:{tsdb_port}, file:{self.directory}/file.out
""")
        relay = self.start_relay([])
        at = now()
        self.send(f"web.a 1.5 {at}\nweb.a -2 {at + 1}\nweb.b 7e9 {at}\nweb.c 0.1 {at}\nweb.d;k=v 3 {at}\n")
        untagged = {f"web.a 1.5 {at}", f"web.a -2 {at + 1}", f"web.b 7000000000 {at}", f"web.c 0.1 {at}"}
        for name in ("sink.out", "file.out", "c-relay.out"):
            self.wait_for_lines(name, untagged | {f"web.d;k=v 3 {at}"})
        self.wait_for_lines("tsdb.out", {
            f"put web.a {at} 1.5 tenant=default", f"put web.a {at + 1} -2 tenant=default",
            f"put web.b {at} 7000000000 tenant=default", f"put web.c {at} 0.1 tenant=default",
            f"put web.d {at} 3 k=v"})
        self.carbon_has("web.a", {at: 1.5, at + 1: -2.0})
        self.carbon_has("web.b", {at: 7e9})
        self.carbon_has("web.c", {at: 0.1})
        harness.wait_until(lambda: relay.metric("plumbago_relay_destination_points_sent_total") == 25,
                           "all points are counted")
        self.assertEqual(relay.metric("plumbago_relay_destination_failures_total"), 0)
        self.assertEqual(relay.metric("plumbago_relay_destination_queued_bytes"), 0)

    def test_own_metrics_tell_what_a_destination_has_got(self):
        port, at = harness.free_port(), now()
        self.start_sink(port, "sink.out")
        self.write_rules(f"[all]\ndefault = true\ndestinations = plaintext://127.0.0.1:{port}\n")
        self.start_relay(["--own-metrics-interval", "1s", "--own-metrics-prefix", "own"])
        self.send("".join(f"told.n{i} 1 {at}\n" for i in range(1000)))
        place = f"own.destinations.127_0_0_1_{port}"
        def values(name):
            return [float(line.split()[1]) for line in self.lines("sink.out")
                    if line.startswith(f"{place}.{name} ")]
        # Its own points are sent there too.
        harness.wait_until(lambda: sum(values("sent")) > 1000, "the points are told")
        self.assertEqual(set(values("down")), {0.0})
        self.assertEqual(set(values("spooled")), {0.0})
        self.assertTrue(values("queuedBytes"))

    def send_stream(self):
        """Lines, a few at a time; the set of them."""
        at = now()
        sent = set()
        for k in range(20):
            lines = {f"packed.s{i} {k} {at + k}" for i in range(50)}
            self.send("".join(line + "\n" for line in lines))
            sent |= lines
        return sent

    def test_a_gzip_stream_can_be_inflated_while_it_goes_on(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(30)
            port = listener.getsockname()[1]
            self.write_rules(f"cluster there forward 127.0.0.1:{port} proto tcp transport gzip;\n"
                             "match * send to there stop;\n")
            self.start_relay(["--reactors", "1"], "--carbon-c-relay-config")  # one connection
            sent = self.send_stream()
            connection = listener.accept()[0]
        with connection:
            connection.settimeout(30)
            inflater, text = zlib.decompressobj(31), b""
            while text.count(b"\n") < len(sent):
                text += inflater.decompress(connection.recv(1 << 16))
        self.assertEqual(set(text.decode().split("\n")[:-1]), sent)

    def test_carbon_c_relay_takes_tls(self):
        make_certificates(self.directory)
        port = self.start_c_relay(f"transport plain ssl {self.directory}/both.pem")
        self.write_rules(f"cluster there forward 127.0.0.1:{port} proto tcp transport plain ssl;\n"
                         "match * send to there stop;\n")
        self.start_relay(["--destination-tls-ca", f"{self.directory}/ca.pem"], "--carbon-c-relay-config")
        self.wait_for_lines("c-relay.out", self.send_stream())

    def test_a_certificate_that_nobody_signed_gets_nothing(self):
        make_certificates(self.directory)
        port = self.start_c_relay(f"transport plain ssl {self.directory}/both.pem")
        self.write_rules(f"cluster there forward 127.0.0.1:{port} proto tcp transport plain ssl;\n"
                         "match * send to there stop;\n")
        relay = self.start_relay([], "--carbon-c-relay-config")  # trusts the machine's CAs only
        self.send(f"secret.x 1 {now()}\n")
        harness.wait_until(lambda: "not trusted" in relay.log(), "the log says why")
        self.assertEqual(self.lines("c-relay.out"), set())

    # ---- outages ----

    def start_two(self):
        """Two sinks, one healthy."""
        self.ports = [harness.free_port(), harness.free_port()]
        self.sinks = [self.start_sink(port, f"sink-{i}.out") for i, port in enumerate(self.ports)]
        self.write_rules("[all]\ndefault = true\ndestinations = " + ", ".join(
            f"plaintext://127.0.0.1:{port}" for port in self.ports) + "\n")
        self.sent = set()
        self.round = 0
        self.first = now() - 3600
        return self.start_relay(["--shard-stall-timeout", "500ms"])

    def send_round(self, series=20):
        lines = {f"out.s{i} {self.round} {self.first + self.round}" for i in range(series)}
        self.send("".join(line + "\n" for line in lines))
        self.sent |= lines
        self.round += 1
        return lines

    def test_a_destination_that_is_down_gets_everything_over_a_killed_relay(self):
        relay = self.start_two()
        self.send_round()
        for name in ("sink-0.out", "sink-1.out"):
            self.wait_for_lines(name, self.sent)
        self.sinks[1].kill()
        self.sinks[1].wait()
        label = f"127.0.0.1:{self.ports[1]}"
        for _ in range(2):
            for _ in range(5):
                self.send_round()
                self.wait_for_lines("sink-0.out", self.sent, 5)
            harness.wait_until(lambda: relay.metric("plumbago_relay_unacknowledged_bytes") == 0,
                               "everything is in the spool")
            self.assertEqual(relay.metric("plumbago_relay_destination_state", destination=label, state="down"), 1)
            relay.kill()
            relay.start().wait_ready()
        self.start_sink(self.ports[1], "sink-1.out")
        self.wait_for_lines("sink-1.out", self.sent)
        harness.wait_until(
            lambda: relay.metric("plumbago_relay_destination_state", destination=label, state="up") == 1,
            "it is up")
        self.assertEqual(relay.metric("plumbago_relay_destination_spool_bytes"), 0)
        self.assertEqual(relay.metric("plumbago_points_dropped_total"), 0)

    def test_a_destination_that_hangs_holds_up_nobody(self):
        relay = self.start_two()
        self.send_round()
        for name in ("sink-0.out", "sink-1.out"):
            self.wait_for_lines(name, self.sent)
        self.sinks[1].send_signal(signal.SIGSTOP)
        label = f"127.0.0.1:{self.ports[1]}"
        # More than the kernels' buffers hold between the two.
        while relay.metric("plumbago_relay_destination_points_spooled_total", destination=label) == 0:
            self.send_round(20_000)
            self.assertLess(self.round, 200)
        self.wait_for_lines("sink-0.out", self.sent, 30)
        self.sinks[1].send_signal(signal.SIGCONT)
        self.wait_for_lines("sink-1.out", self.sent, 120)
        self.assertEqual(relay.metric("plumbago_points_dropped_total"), 0)
        self.assertEqual(relay.metric("plumbago_relay_reads_paused_total"), 0)

    def test_a_destination_that_is_configured_no_more_gets_its_points_when_it_is_again(self):
        relay = self.start_two()
        self.sinks[1].kill()
        self.sinks[1].wait()
        self.send_round()
        label = f"127.0.0.1:{self.ports[1]}"
        harness.wait_until(
            lambda: relay.metric("plumbago_relay_destination_spool_bytes", destination=label) > 0, "it is spooled")
        rules = (self.directory / "rules.conf").read_text()
        self.write_rules(f"[all]\ndefault = true\ndestinations = plaintext://127.0.0.1:{self.ports[0]}\n")
        self.assertEqual(relay.stop(), 0, relay.log()[-1000:])
        relay.start().wait_ready()
        harness.wait_until(lambda: relay.metric(
            "plumbago_relay_destination_state", destination=label, state="not_configured") == 1, "it is said")
        self.start_sink(self.ports[1], "sink-1.out")
        self.write_rules(rules)
        self.assertEqual(relay.stop(), 0)
        self.assertEqual(self.lines("sink-1.out"), set())
        relay.start().wait_ready()
        self.wait_for_lines("sink-1.out", self.sent)

    # ---- groups ----

    def start_group(self, kind):
        """Two sinks, of which rules of carbon-c-relay choose one for a series."""
        self.ports = [harness.free_port(), harness.free_port()]
        self.sinks = [self.start_sink(port, f"sink-{i}.out") for i, port in enumerate(self.ports)]
        self.write_rules(f"cluster pair {kind} 127.0.0.1:{self.ports[0]} 127.0.0.1:{self.ports[1]};\n"
                         "match * send to pair stop;\n")
        self.sent = set()
        self.round = 0
        self.first = now() - 3600
        return self.start_relay(["--shard-stall-timeout", "500ms"], "--carbon-c-relay-config")

    def wait_for_union(self):
        harness.wait_until(lambda: self.sent == self.lines("sink-0.out") | self.lines("sink-1.out"),
                           "the two have everything", 30)

    def check_group(self, kind, series_of_first):
        relay = self.start_group(kind)
        def state(word):
            return relay.metric("plumbago_relay_destination_state",
                                destination=f"127.0.0.1:{self.ports[0]}", state=word)
        def of_first(lines):
            return {line for line in lines if line.split()[0] in series}
        self.send_round()
        self.wait_for_union()
        series = {line.split()[0] for line in self.lines("sink-0.out")}
        series_of_first(series)
        self.assertEqual(self.lines("sink-1.out"), self.sent - self.lines("sink-0.out"))

        self.sinks[0].kill()
        self.sinks[0].wait()
        harness.wait_until(lambda: self.send_round() and state("down") == 1, "it is down")
        def goes_to_second():
            lines = self.send_round()
            try:
                harness.wait_until(lambda: lines <= self.lines("sink-1.out"), "the second has it", 2)
            except AssertionError:
                return False  # the first was not known as down yet
            return True
        harness.wait_until(goes_to_second, "the second gets all", 30)

        self.start_sink(self.ports[0], "sink-0.out")
        harness.wait_until(lambda: state("up") == 1, "it is up again", 30)
        self.wait_for_union()
        def comes_back():
            lines = self.send_round()
            self.wait_for_union()
            return of_first(lines) <= self.lines("sink-0.out") - self.lines("sink-1.out")
        harness.wait_until(comes_back, "the first gets its series again", 30)
        self.assertEqual(relay.metric("plumbago_points_dropped_total"), 0)

    def test_failover_gives_all_to_the_second_while_the_first_is_away(self):
        self.check_group("failover", lambda series: self.assertEqual(len(series), 20))

    def test_any_of_gives_the_series_of_one_that_is_away_to_the_other(self):
        self.check_group("any_of", lambda series: self.assertIn(len(series), range(1, 20)))

    # ---- memory and spool are full ----

    def send_until(self, is_enough):
        """Whole lines, until nothing more is taken for 2 s or it is enough; how many."""
        count, at = 0, now() - 3600
        with socket.create_connection(("127.0.0.1", self.plaintext_port)) as client:
            client.settimeout(2)
            while not is_enough(count):
                data = "".join(f"full.s{i} {count} {at + count // 1000}\n" for i in range(1000)).encode()
                count += 1000
                while data:
                    try:
                        data = data[client.send(data):]
                    except socket.timeout:
                        self.held_sender = client.dup()  # with the rest of the thousand
                        self.held_sender.settimeout(60)
                        self.held_data = data
                        return count
        return count

    def start_full(self, mode):
        """A relay to one sink that hangs, with little memory and spool."""
        self.ports = [harness.free_port()]
        self.sinks = [self.start_sink(self.ports[0], "sink-0.out")]
        self.sinks[0].send_signal(signal.SIGSTOP)
        self.write_rules(f"[all]\ndefault = true\ndestinations = plaintext://127.0.0.1:{self.ports[0]}\n")
        self.held_data = b""
        return self.start_relay(["--shard-stall-timeout", "500ms", "--foreign-full", mode, "--reactors", "1",
                                 "--in-flight-max", "2MiB", "--spool-bytes-max", "1MiB",
                                 "--spool-replay-rate", "5000000"])

    def test_pause_holds_senders_and_drops_nothing(self):
        relay = self.start_full("pause")
        count = self.send_until(lambda count: count > 4_000_000)
        self.assertTrue(self.held_data, "the sender was never held up")
        self.assertGreater(relay.metric("plumbago_relay_reads_paused_total"), 0)
        self.sinks[0].send_signal(signal.SIGCONT)
        with self.held_sender:
            self.held_sender.sendall(self.held_data)
        harness.wait_until(lambda: len(self.lines("sink-0.out")) == count, "the sink has everything", 120)
        self.assertEqual(relay.metric("plumbago_points_dropped_total"), 0)

    def test_drop_holds_nobody_and_counts_what_is_dropped(self):
        relay = self.start_full("drop")
        def dropped():
            return relay.metric("plumbago_points_dropped_total", reason="destination_full")
        count = self.send_until(lambda count: count % 50_000 == 0 and dropped() > 0)
        self.assertFalse(self.held_data)
        self.assertEqual(relay.metric("plumbago_relay_reads_paused_total"), 0)
        self.sinks[0].send_signal(signal.SIGCONT)
        harness.wait_until(lambda: len(self.lines("sink-0.out")) + dropped() == count,
                           "each point has come or is counted", 120)


if __name__ == "__main__":
    unittest.main()
