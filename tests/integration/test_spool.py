"""One shard that hangs or is down while points for both flow.

The points of the healthy shard are rendered as ever, those of the other one go through the relay's
spool, over a kill and over a stop of the relay, and none is lost; at its bounds what cannot be taken
is counted.
"""

import os
import threading
import time
import unittest

import harness

BIN = os.environ["PLUMBAGO_BIN"]
SCHEMAS = "[fast]\npattern = .*\nretentions = 1s:20m\n"
VISIBLE_SECONDS = 2
SERIES = 40


class SpoolCluster(harness.Cluster):
    def __init__(self, relay_flags=()):
        super().__init__(BIN, shards=2, schemas=SCHEMAS, cache_flags=["--flush-age", "500ms"],
                         query_flags=["--shard-timeout", "300ms"],
                         relay_flags=["--shard-stall-timeout", "500ms", "--spool-disk-free-min", "0",
                                      *relay_flags])
        self.first = int(time.time()) - 1000
        self.round = 0
        self.names = [f"spool.s{i}" for i in range(SERIES)]

    def send_round(self):
        """One point for each series; the value says which."""
        self.send_tcp("".join(f"{name} {self.round} {self.first + self.round}\n" for name in self.names))
        self.round += 1

    def sort_by_shard(self):
        """Sends a round, and tells the series of the two shards by where their files are."""
        self.send_round()
        harness.wait_until(lambda: all(self.file_of(name) for name in self.names), "all have a file")
        of_shard = [[name for name in self.names if store.data_dir in self.file_of(name).parents]
                    for store in self.stores]
        assert all(of_shard), of_shard
        return of_shard

    def expected(self):
        return {self.first + k: float(k) for k in range(self.round)}

    def is_rendered(self, names):
        rendered = self.points("spool.*", self.first - 1, self.first + self.round)
        return all(rendered.get(name) == self.expected() for name in names)

    def shard_is(self, state):
        return self.relay.metric("plumbago_relay_shard_state", shard="shard-1", state=state) == 1

    def wait_until_spooled(self):
        """Until the relay holds nothing in memory."""
        harness.wait_until(lambda: self.shard_is("down"), "shard-1 is down")
        harness.wait_until(lambda: self.relay.metric("plumbago_relay_unacknowledged_bytes") == 0,
                           "the relay holds nothing in memory")

    def wait_until_replayed(self):
        harness.wait_until(lambda: self.is_rendered(self.names), "all points of all series are rendered", 60)
        harness.wait_until(lambda: self.shard_is("up"), "shard-1 is up")
        assert self.relay.metric("plumbago_relay_spool_bytes") == 0


class SpoolTest(unittest.TestCase):
    def send_rounds(self, cluster, healthy, count=6):
        """Rounds whose points for the healthy shard have to be seen in time."""
        late = []
        for _ in range(count):
            cluster.send_round()
            begin = time.monotonic()
            harness.wait_until(lambda: cluster.is_rendered(healthy), "the healthy shard's points are rendered")
            if time.monotonic() - begin > VISIBLE_SECONDS:
                late.append(time.monotonic() - begin)
        # Another program on the machine may delay one.
        self.assertLessEqual(len(late), 1, late)

    def assert_nothing_paused_or_dropped(self, cluster):
        self.assertEqual(cluster.relay.metric("plumbago_relay_reads_paused_total"), 0)
        self.assertEqual(cluster.relay.metric("plumbago_points_dropped_total"), 0)

    def test_a_cache_that_hangs_gets_everything_over_a_killed_relay(self):
        with SpoolCluster() as cluster:
            healthy, _ = cluster.sort_by_shard()
            cluster.caches[1].suspend()
            self.send_rounds(cluster, healthy)
            cluster.wait_until_spooled()
            self.assert_nothing_paused_or_dropped(cluster)
            self.assertGreater(cluster.relay.metric("plumbago_relay_points_spooled_total", shard="shard-1"), 0)
            self.assertEqual(cluster.relay.metric("plumbago_relay_points_spooled_total", shard="shard-0"), 0)
            self.assertGreater(cluster.relay.metric("plumbago_relay_spool_oldest_age_seconds"), 0)
            spool = cluster.relay.data_dir / "spool" / "shard-1"
            self.assertTrue(list(spool.glob("*.journal")))

            cluster.relay.kill()
            cluster.relay.start().wait_ready()
            self.assertEqual(cluster.relay.metric("plumbago_previous_stop_was_unclean"), 1)
            self.send_rounds(cluster, healthy)
            cluster.wait_until_spooled()
            self.assert_nothing_paused_or_dropped(cluster)

            cluster.caches[1].resume()
            cluster.wait_until_replayed()
            self.assertEqual(list(spool.glob("*")), [])
            self.send_rounds(cluster, cluster.names, 2)
            self.assert_nothing_paused_or_dropped(cluster)

    def test_a_cache_that_was_killed_gets_everything_over_a_stopped_relay(self):
        with SpoolCluster() as cluster:
            healthy, _ = cluster.sort_by_shard()
            cluster.caches[1].kill()
            self.send_rounds(cluster, healthy)
            cluster.send_round()
            begin = time.monotonic()
            self.assertEqual(cluster.relay.stop(), 0, cluster.relay.log()[-1000:])
            self.assertLess(time.monotonic() - begin, 15)  # it does not wait for its whole drain timeout
            cluster.relay.start().wait_ready()
            self.assertEqual(cluster.relay.metric("plumbago_previous_stop_was_unclean"), 0)
            self.send_rounds(cluster, healthy)
            cluster.wait_until_spooled()
            cluster.caches[1].start().wait_ready()
            cluster.wait_until_replayed()
            self.assert_nothing_paused_or_dropped(cluster)

    def test_a_damaged_segment_is_set_aside_and_the_others_are_replayed(self):
        with SpoolCluster() as cluster:
            cluster.sort_by_shard()
            cluster.caches[1].suspend()
            cluster.send_round()
            cluster.wait_until_spooled()
            cluster.relay.kill()
            spool = cluster.relay.data_dir / "spool" / "shard-1"
            newest = max(spool.glob("*.journal"))
            damaged = newest.with_name(f"{int(newest.name[:16], 16) + 1:016x}.journal")
            content = bytearray(newest.read_bytes())
            content[20] ^= 1
            damaged.write_bytes(content)
            cluster.relay.start().wait_ready()
            cluster.caches[1].resume()
            cluster.wait_until_replayed()
            self.assertEqual(cluster.relay.metric("plumbago_relay_spool_segments_damaged_total"), 1)
            self.assertEqual([path.name for path in spool.glob("*")], [damaged.name + ".damaged"])
            self.assertIn(damaged.name, cluster.relay.log())

    def test_at_its_bounds_tcp_waits_and_udp_is_refused_and_counted(self):
        rounds = 500
        flags = ["--reactors", "1", "--in-flight-max", "2MiB", "--spool-bytes-max", "1MiB"]
        with SpoolCluster(flags) as cluster:
            healthy, hung = cluster.sort_by_shard()
            cluster.caches[1].suspend()
            names = [f"full.s{i}" for i in range(400)]

            def send():
                with cluster.connect() as connection:
                    for k in range(rounds):
                        connection.sendall("".join(f"{name} {k} {cluster.first + k}\n" for name in names).encode())
            sender = threading.Thread(target=send)
            sender.start()
            harness.wait_until(lambda: cluster.relay.metric("plumbago_relay_reads_paused_total") > 0,
                               "the sockets are left unread", 60)
            self.assertLess(cluster.relay.metric("plumbago_relay_spool_bytes"), 1 << 20)
            self.assertLess(cluster.relay.metric("plumbago_relay_unacknowledged_bytes"), 4 << 20)

            # The shard has neither memory nor disk: datagrams for it are refused, others are not.
            at = cluster.first + 900
            def udp_reaches_the_healthy():
                cluster.send_udp(f"{healthy[0]} 900 {at}\n")
                return cluster.points(healthy[0], at - 1, at).get(healthy[0]) == {at: 900.0}
            harness.wait_until(udp_reaches_the_healthy, "datagrams for the healthy shard are taken")
            before = cluster.relay.metric("plumbago_points_dropped_total", reason="spool_full")
            for k in range(10):
                cluster.send_udp(f"{hung[0]} 1 {at + k}\n")
            harness.wait_until(
                lambda: cluster.relay.metric("plumbago_points_dropped_total", reason="spool_full") == before + 10,
                "what is refused is counted")
            received = cluster.relay.metric("plumbago_points_received_total")
            self.assertLess(received, rounds * len(names))  # the rest waits with the kernel or the sender

            cluster.caches[1].resume()
            sender.join()
            expected = {cluster.first + k: float(k) for k in range(rounds)}

            def is_complete():
                rendered = cluster.points("full.*", cluster.first - 1, cluster.first + rounds)
                return len(rendered) == len(names) and all(points == expected for points in rendered.values())
            harness.wait_until(is_complete, "every point that TCP brought is rendered", 90)


if __name__ == "__main__":
    unittest.main()
