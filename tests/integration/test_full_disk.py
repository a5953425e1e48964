"""A store whose disk fills up: points wait in the cache, queries go on, and everything is stored when there
is room again, without a restart. The disk is a small tmpfs, which root may mount.
"""

import os
import pathlib
import subprocess
import time
import unittest

import harness

BIN = os.environ["PLUMBAGO_BIN"]
SCHEMAS = "[minute]\npattern = .*\nretentions = 60s:1d\n"  # 17 KiB a file


class FullDiskTest(unittest.TestCase):
    def setUp(self):
        self.cluster = harness.Cluster(BIN, shards=1, schemas=SCHEMAS,
                                       cache_flags=["--flush-age", "300ms", "--flush-age-new", "300ms"])
        self.disk = self.cluster.stores[0].data_dir / "whisper"
        self.disk.mkdir(parents=True)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(self.disk)],
                                 capture_output=True, text=True)
        if mounted.returncode != 0:
            self.skipTest(f"a tmpfs cannot be mounted here: {mounted.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "--lazy", str(self.disk)], check=False)

    def store_metric(self, name):
        return self.cluster.stores[0].metric(name)

    def fill(self, leave_bytes):
        """Takes all but `leave_bytes` of the disk."""
        info = os.statvfs(self.disk)
        ballast = self.disk / "ballast"
        with open(ballast, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, info.f_bavail * info.f_frsize - leave_bytes)
        return ballast

    def check_outage(self, leave_bytes):
        now = int(time.time()) // 60 * 60
        with self.cluster as cluster:
            cluster.send_tcp(f"before.a 1 {now}\n")
            cluster.wait_until_stored(1)
            ballast = self.fill(leave_bytes)
            cluster.send_tcp(f"before.a 2 {now - 60}\n" +
                             "".join(f"during.m{i} {i} {now}\n" for i in range(200)))
            harness.wait_until(lambda: self.store_metric("plumbago_store_read_only") == 1, "the state is shown")
            harness.wait_until(lambda: cluster.unstored_points() > 0, "points wait in the cache")
            expected = {"before.a": {now - 60: 2, now: 1}}  # from the cache and from the store
            self.assertEqual(cluster.points("before.a", now - 120, now), expected)
            ballast.unlink()
            cluster.wait_until_stored(202, seconds=15)
            self.assertEqual(len(cluster.points("during.*", now - 60, now)), 200)
            self.assertEqual(self.store_metric("plumbago_store_read_only"), 0)
            self.assertEqual(sum(s.metric("plumbago_points_dropped_total") for s in cluster.services), 0)
            self.assertEqual(list(self.disk.rglob("*.tmp")), [])
            for path in self.disk.rglob("*.wsp"):
                subprocess.run([pathlib.Path(BIN) / "plumbago-whisper", "verify", path], check=True,
                               capture_output=True)
            log = cluster.stores[0].log()
            self.assertEqual(log.count("writes are refused from now on"), 1)
            self.assertEqual(log.count("the disk has room again"), 1)

    def test_below_the_mark_writes_wait_until_there_is_room(self):
        self.check_outage(leave_bytes=1 << 20)  # the mark is 5 % of 32 MiB

    def test_a_disk_that_is_full_is_met_by_a_write(self):
        self.cluster.stores[0].flags += ["--disk-free-min", "0"]
        self.check_outage(leave_bytes=1 << 19)  # room for 30 files


if __name__ == "__main__":
    unittest.main()
