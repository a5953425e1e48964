"""Storage policies and quotas over the real binaries: a policy that plumbagoctl sets reaches a running
store, drift is shown, previewed and converted with the same values before and after, a broken file
keeps what was in force, quotas refuse new series only, and kill -9 during a conversion leaves every
file readable."""

import json
import os
import pathlib
import signal
import struct
import subprocess
import time
import unittest

import harness

BIN = pathlib.Path(os.environ["PLUMBAGO_BIN"])
SCHEMAS = "[all]\npattern = .*\nretentions = 1s:10m\n"
LONGER = "[all]\npattern = .*\nretentions = 1s:20m,10s:2h\n"


def archives(path):
    """(seconds per point, points) of each archive in a whisper file's header."""
    header = path.read_bytes()[:1024]
    count = struct.unpack(">I", header[12:16])[0]
    return [struct.unpack(">II", header[20 + 12 * i:28 + 12 * i]) for i in range(count)]


class PolicyTest(unittest.TestCase):
    def start(self, **options):
        cluster = harness.Cluster(BIN, **{"shards": 1, "schemas": SCHEMAS,
                                          "cache_flags": ["--flush-age", "200ms"], **options})
        cluster.__enter__()
        self.addCleanup(cluster.__exit__, None, None, None)
        return cluster

    def ctl(self, cluster, *arguments, code=0):
        result = subprocess.run([BIN / "plumbagoctl", "--controller", cluster.controller.address, *arguments],
                                capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(result.returncode, code, result.stderr + result.stdout)
        return result.stdout if code == 0 else result.stderr

    def ctl_json(self, cluster, *arguments):
        return json.loads(self.ctl(cluster, "--output", "json", *arguments))

    def policy_file(self, cluster, name, text):
        path = cluster.directory / name
        path.write_text(text)
        return str(path)

    def send(self, cluster, names, points=5):
        now = int(time.time())
        cluster.send_tcp("".join(f"{name} {value} {now - points + value}\n"
                                 for name in names for value in range(points)))

    def values(self, cluster, target):
        series = cluster.get("/render", **{"target": target, "from": "-10min", "format": "json"})
        return {one["target"]: sorted(p[0] for p in one["datapoints"] if p[0] is not None) for one in series}

    def test_a_policy_is_set_shown_previewed_and_converted(self):
        cluster = self.start()
        self.send(cluster, ["a.one", "a.two"])
        cluster.wait_until_stored(10)
        generation = cluster.stores[0].metric("plumbago_store_policy_generation")
        before = self.values(cluster, "a.*")
        broken = self.policy_file(cluster, "broken.conf", "[all]\npattern = .*\nretentions = 1x:1d\n")
        self.assertIn("storage-schemas.conf line 3",
                      self.ctl(cluster, "tenant", "set-policy", "default", "--schemas", broken, code=1))
        longer = self.policy_file(cluster, "longer.conf", LONGER)
        self.ctl(cluster, "tenant", "set-policy", "default", "--schemas", longer)
        self.assertIn(LONGER, self.ctl(cluster, "tenant", "get-policy", "default"))
        harness.wait_until(
            lambda: cluster.stores[0].metric("plumbago_store_policy_generation") > generation,
            "the store has the policy")

        explained = self.ctl_json(cluster, "schema", "explain", "a.one")
        self.assertEqual(explained["policy_source"], "controller")
        self.assertIn("[all] of storage-schemas.conf of tenant default", explained["schema_rule"])
        self.assertEqual(explained["present"]["archive"][0]["point_count"], 600)
        drift = self.ctl(cluster, "schema", "drift")
        self.assertRegex(drift, r"a\.one +1s:10m average 0\.5 +1s:20m,10s:2h average 0\.5")
        self.assertIn("2 series differ from the policy", drift)
        self.assertIn("would convert 2 series", self.ctl(cluster, "schema", "convert", "--dry-run"))
        self.assertEqual(archives(cluster.file_of("a.one")), [(1, 600)])
        self.assertIn("converted 2 series",
                      self.ctl(cluster, "schema", "convert", "--rate", "1000"))
        self.assertEqual(archives(cluster.file_of("a.one")), [(1, 1200), (10, 720)])
        self.assertIn("0 series differ", self.ctl(cluster, "schema", "drift"))
        self.assertEqual(self.values(cluster, "a.*"), before)
        # New series, and new points of the converted ones, as before.
        self.send(cluster, ["a.one", "a.three"])
        cluster.wait_until_stored(20)
        self.assertEqual(archives(cluster.file_of("a.three")), [(1, 1200), (10, 720)])
        self.ctl(cluster, "tenant", "set-policy", "default", "--remove")
        harness.wait_until(lambda: self.ctl_json(cluster, "schema", "explain", "a.x")["policy_source"]
                           == "store files", "the store's own files decide again")

    def test_a_broken_file_keeps_what_was_in_force_and_says_why(self):
        cluster = self.start()
        store = cluster.stores[0]
        schemas = cluster.directory / "storage-schemas.conf"
        schemas.write_text("[all]\npattern = .*\nretentions = 2s:1x\n")
        store.process.send_signal(signal.SIGHUP)
        harness.wait_until(lambda: store.metric("plumbago_store_policy_reload_failures_total") == 1,
                           "the failure is counted")
        self.assertIn("storage-schemas.conf line 3", store.log())
        self.assertEqual(self.ctl_json(cluster, "schema", "explain", "a")["wanted"]["archive"][0]["point_count"], 600)
        schemas.write_text(LONGER)
        store.process.send_signal(signal.SIGHUP)
        harness.wait_until(
            lambda: self.ctl_json(cluster, "schema", "explain", "a")["wanted"]["archive"][0]["point_count"] == 1200,
            "the mended file is in force")

    def test_quotas_refuse_new_series_only(self):
        cluster = self.start()
        store, cache = cluster.stores[0], cluster.caches[0]
        self.ctl(cluster, "quota", "set", "default", "a", "--series", "2")
        harness.wait_until(lambda: "default" in self.ctl(cluster, "quota", "list"), "the store has the quota")
        self.send(cluster, ["a.one", "a.two"])
        cluster.wait_until_stored(10)
        self.send(cluster, ["a.three", "b.one"])
        harness.wait_until(
            lambda: cache.metric("plumbago_cache_points_refused_by_store_total", reason="quota") == 5,
            "the refused points are counted by the cache")
        self.assertEqual(store.metric("plumbago_points_dropped_total", reason="quota"), 5)
        self.assertIn("plumbagoctl quota set default a --series", cache.log())
        self.assertIsNone(cluster.file_of("a.three"))
        self.assertIsNotNone(cluster.file_of("b.one"))
        listed = self.ctl(cluster, "quota", "list")
        self.assertRegex(listed, r"default +a +2 +2 ")
        self.send(cluster, ["a.one"])
        cluster.wait_until_stored(20)
        self.ctl(cluster, "quota", "remove", "default", "a")
        harness.wait_until(lambda: "default" not in self.ctl(cluster, "quota", "list"), "it is gone")
        self.send(cluster, ["a.three"])
        harness.wait_until(lambda: cluster.file_of("a.three"), "the series is created")

    def test_kill_during_a_conversion_leaves_every_file_readable(self):
        cluster = self.start()
        store = cluster.stores[0]
        names = [f"k.m{i}" for i in range(60)]
        self.send(cluster, names)
        cluster.wait_until_stored(300)
        before = self.values(cluster, "k.*")
        self.assertEqual(len(before), 60)
        longer = self.policy_file(cluster, "longer.conf", LONGER)
        self.ctl(cluster, "tenant", "set-policy", "default", "--schemas", longer)
        harness.wait_until(lambda: self.ctl_json(cluster, "schema", "explain", "k.m0")["policy_source"]
                           == "controller", "the store has the policy")
        converting = subprocess.Popen(
            [BIN / "plumbagoctl", "--controller", cluster.controller.address, "schema", "convert", "--rate", "100"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        files = {name: cluster.file_of(name) for name in names}
        harness.wait_until(lambda: sum(len(archives(f)) == 2 for f in files.values()) > 5,
                           "some series are converted")
        store.kill()
        converting.wait(30)
        layouts = [archives(file) for file in files.values()]
        self.assertTrue(all(layout in ([(1, 600)], [(1, 1200), (10, 720)]) for layout in layouts))
        store.start().wait_ready()
        self.assertEqual(self.values(cluster, "k.*"), before)
        self.assertIn("converted", self.ctl(cluster, "schema", "convert", "--rate", "1000"))
        self.assertEqual(self.values(cluster, "k.*"), before)
        self.assertFalse(list((store.data_dir / "whisper").rglob("*.tmp")))


if __name__ == "__main__":
    unittest.main()
