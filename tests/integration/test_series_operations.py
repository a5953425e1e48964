"""Operators' work on stored series, with the real plumbagoctl, controller and two stores.

A tree written by python3-whisper is imported (also across a kill -9 of a store), deleted, restored,
renamed, snapshotted, verified, and its index rebuilt; values are compared with what whisper reads.
"""

import json
import os
import pathlib
import shutil
import subprocess
import time
import unittest

import harness
import whisper

BIN = os.environ["PLUMBAGO_BIN"]
ARCHIVES = [(60, 1440)]
TAGGED = ["disk.used;dc=x;rack=a1", "disk.used;dc=y;rack=b2"]


class StoresOnly(harness.Cluster):
    """The controller and the stores: what operators' commands need."""

    @property
    def services(self):
        return [self.controller, *self.stores]


def write_series(path, points):
    path.parent.mkdir(parents=True, exist_ok=True)
    whisper.create(str(path), ARCHIVES)
    whisper.update_many(str(path), points)


def read_series(path, now):
    (start, _, step), values = whisper.fetch(str(path), now - 3600, now, now)
    return {start + i * step: value for i, value in enumerate(values) if value is not None}


class SeriesOperationsTest(unittest.TestCase):
    def setUp(self):
        self.cluster = StoresOnly(BIN, shards=2)
        self.cluster.__enter__()
        self.addCleanup(self.cluster.__exit__, None, None, None)
        self.now = int(time.time())
        self.source = self.cluster.directory / "source"
        for store in self.cluster.stores:
            harness.wait_until(lambda store=store: (store.data_dir / "snapshot.pb").exists(),
                               "the store has the topology")

    def ctl(self, *arguments, code=0):
        result = subprocess.run(
            [f"{BIN}/plumbagoctl", "--controller", self.cluster.controller.address, *map(str, arguments)],
            capture_output=True, text=True, timeout=120)
        self.assertEqual(result.returncode, code, f"{arguments}\n{result.stdout}\n{result.stderr}")
        return result

    def ctl_json(self, *arguments, code=0):
        return json.loads(self.ctl(*arguments, "--output", "json", code=code).stdout)

    def write_source(self, count):
        """Names by metric; each has points of its own."""
        metrics = {}
        for i in range(count):
            metrics[f"servers.web{i % 10}.cpu{i}"] = self.source / f"servers/web{i % 10}/cpu{i}.wsp"
        for i, path in enumerate(metrics.values()):
            write_series(path, [(self.now - 60 * k, float(i + k)) for k in range(1, 30)])
        return metrics

    def write_tagged_source(self):
        import hashlib
        paths = {}
        for i, name in enumerate(TAGGED):
            digest = hashlib.sha256(name.encode()).hexdigest()
            paths[name] = self.source / "_tagged" / digest[:3] / digest[3:6] / f"{digest}.wsp"
            write_series(paths[name], [(self.now - 60 * k, float(i)) for k in range(1, 5)])
        names = self.cluster.directory / "names.txt"
        names.write_text("\n".join(TAGGED) + "\n")
        return paths, names

    def stored_path(self, relative):
        found = [store.data_dir / "whisper/default" / relative for store in self.cluster.stores
                 if (store.data_dir / "whisper/default" / relative).exists()]
        self.assertLessEqual(len(found), 1, f"{relative} is on several shards")
        return found[0] if found else None

    def assert_imported(self, metrics):
        for metric, source in metrics.items():
            stored = self.stored_path(source.relative_to(self.source))
            self.assertIsNotNone(stored, f"{metric} is not stored")
            self.assertEqual(stored.read_bytes(), source.read_bytes(), metric)

    def listed(self, *pattern):
        return {node["path"] for node in self.decoded(self.ctl_json("series", "list", *pattern)["node"])}

    @staticmethod
    def decoded(nodes):
        import base64
        return [{**node, "path": base64.b64decode(node["path"]).decode()} for node in nodes]

    def test_import_is_complete_resumable_and_passes_over_what_is_damaged(self):
        metrics = self.write_source(60)
        tagged, names = self.write_tagged_source()
        (self.source / "broken.wsp").write_bytes(b"junk")
        (self.source / "empty.wsp").write_bytes(b"")
        (self.source / "dotted.name.wsp").write_bytes(b"junk")
        (self.source / "link.wsp").symlink_to("/etc/passwd")
        first = self.ctl("import", self.source, "--tag-names", names, "--output", "json", code=1)
        counts = json.loads(first.stdout)
        self.assertEqual(counts["installed"], len(metrics) + len(tagged))
        self.assertEqual(counts["failed"], 2)
        self.assertEqual(counts["passed_over"], 2)
        for name in ("broken.wsp", "empty.wsp", "dotted.name.wsp", "link.wsp"):
            self.assertIn(name, first.stderr)
        self.assert_imported({**metrics, **tagged})
        self.assertEqual(self.listed(), {*metrics, *tagged})
        both = [store for store in self.cluster.stores
                if any((store.data_dir / "whisper/default").rglob("*.wsp"))]
        self.assertEqual(len(both), 2, "both shards have some")
        again = self.ctl_json("import", self.source, "--tag-names", names, code=1)
        self.assertEqual(again["equal"], len(metrics) + len(tagged))
        self.assertEqual(again["installed"], 0)

    def test_fill_closes_gaps_and_makes_no_series(self):
        metric = "a.b"
        stored_source = self.source / "a/b.wsp"
        write_series(stored_source, [(self.now - 60 * k, 1.0) for k in (1, 2, 20, 21)])
        self.ctl("import", self.source)
        shutil.rmtree(self.source)
        write_series(stored_source, [(self.now - 60 * k, 9.0) for k in range(1, 25)])
        write_series(self.source / "not/stored.wsp", [(self.now - 60, 1.0)])
        counts = self.ctl_json("fill", self.source)
        self.assertEqual((counts["filled"], counts["absent"], counts["installed"]), (1, 1, 0))
        values = read_series(self.stored_path("a/b.wsp"), self.now)
        at = lambda k: values[(self.now - 60 * k) // 60 * 60]
        self.assertEqual([at(k) for k in (1, 2, 20, 21)], [1.0] * 4, "what is there stays")
        self.assertEqual([at(k) for k in range(3, 20)], [9.0] * 17)
        self.assertEqual(self.listed(), {metric})

    def test_delete_shows_first_and_can_be_undone(self):
        metrics = self.write_source(30)
        self.ctl("import", self.source)
        shown = self.ctl("series", "delete", "servers.web3.*")
        self.assertIn("dry run: 3 series", shown.stderr)
        self.assertIn("--yes", shown.stderr)
        self.assertIn("servers.web3.cpu13", shown.stdout)
        self.assert_imported(metrics)
        self.ctl("series", "delete", "servers.web3.**", "--yes")
        gone = {metric for metric in metrics if metric.startswith("servers.web3.")}
        self.assertEqual(self.listed("servers.*.*"), metrics.keys() - gone)
        for metric in gone:
            self.assertIsNone(self.stored_path(metrics[metric].relative_to(self.source)))
        for shard, trash in self.ctl_json("trash", "list").items():
            for entry in trash["entry"]:
                self.assertEqual(entry["description"], "delete servers.web3.**")
                self.ctl("trash", "restore", entry["id"], "--shard", shard)
        self.assert_imported(metrics)
        self.assertEqual(self.listed("servers.*.*"), set(metrics))
        missing = self.ctl("trash", "restore", "20240501t120000z-1", code=1)
        self.assertIn("has no entry", missing.stderr)

    def test_rename_hands_series_over_to_the_shard_of_the_new_name(self):
        metrics = self.write_source(40)
        before = {metric: read_series(path, self.now) for metric, path in metrics.items()}
        self.ctl("import", self.source)
        self.ctl("series", "rename", "servers", "hosts.all")
        for metric, values in before.items():
            relative = metric.replace("servers", "hosts/all", 1).replace(".", "/") + ".wsp"
            stored = self.stored_path(relative)
            self.assertIsNotNone(stored, relative)
            self.assertEqual(read_series(stored, self.now), values)
            slot = self.ctl_json("slot", relative[:-4].replace("/", "."))
            holder = next(i for i, store in enumerate(self.cluster.stores)
                          if stored.is_relative_to(store.data_dir))
            self.assertEqual(slot["shard"], [f"shard-{holder}"])
        self.assertEqual(self.listed(), {m.replace("servers", "hosts.all", 1) for m in metrics})
        self.ctl("series", "copy", "hosts.all.web1", "copy.of.web1")
        self.assertEqual(len(self.listed("copy.of.web1.*")), 4)
        self.assertEqual(len(self.listed("hosts.all.web1.*")), 4)

    def test_snapshot_restores_what_was(self):
        metrics = self.write_source(20)
        self.ctl("import", self.source)
        self.ctl("snapshot", "create", "before")
        for path in metrics.values():  # older points: they fill the gap before the ones there
            whisper.update_many(str(path), [(self.now - 60 * k, 99.0) for k in range(40, 50)])
        write_series(self.source / "new/one.wsp", [(self.now - 60, 1.0)])
        counts = self.ctl_json("import", self.source)
        self.assertEqual((counts["filled"], counts["installed"]), (20, 1))
        metric, path = next(iter(metrics.items()))
        stored = self.stored_path(path.relative_to(self.source))
        self.assertIn(99.0, read_series(stored, self.now).values())
        self.assertIn("new.one", self.listed())
        listed = self.ctl_json("snapshot", "list")
        self.assertEqual(sum(int(s["series_count"]) for shard in listed.values() for s in shard["snapshot"]), 20)
        self.ctl("snapshot", "restore", "before")
        for path in metrics.values():
            stored = self.stored_path(path.relative_to(self.source))
            self.assertNotIn(99.0, read_series(stored, self.now).values())
            self.assertEqual(len(read_series(stored, self.now)), 29)
        self.assertEqual(self.listed(), set(metrics))
        self.ctl("snapshot", "drop", "before")
        self.ctl("snapshot", "create", "x")
        self.assertIn("has a snapshot x already", self.ctl("snapshot", "create", "x", code=1).stderr)

    def test_a_killed_store_gets_the_rest_of_an_import(self):
        metrics = self.write_source(3000)
        store = self.cluster.stores[0]
        whisper_dir = store.data_dir / "whisper/default"
        importing = subprocess.Popen(
            [f"{BIN}/plumbagoctl", "--controller", self.cluster.controller.address, "import",
             str(self.source)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        harness.wait_until(lambda: len(list(whisper_dir.rglob("*.wsp"))) > 50, "some files are there")
        store.kill()
        output, errors = importing.communicate(timeout=60)
        self.assertEqual(importing.returncode, 1, errors)
        self.assertIn("Run the same command again", errors)
        stored = sum(len(list((s.data_dir / "whisper").rglob("*.wsp"))) for s in self.cluster.stores)
        self.assertLess(stored, len(metrics), "it was killed before the end")
        store.start().wait_ready()
        counts = self.ctl_json("import", self.source)
        self.assertGreater(counts["equal"], 0)
        self.assertEqual(counts["failed"], 0)
        self.assert_imported(metrics)
        self.assertEqual(self.listed(), set(metrics))
        for each in self.cluster.stores:
            self.assertEqual(list((each.data_dir / "incoming").iterdir()), [])

    def test_the_index_is_rebuilt_from_the_files_with_tagged_names(self):
        metrics = self.write_source(20)
        tagged, names = self.write_tagged_source()
        self.ctl("import", self.source, "--tag-names", names)
        for store in self.cluster.stores:
            self.assertEqual(store.stop(), 0)
            shutil.rmtree(store.data_dir / "index")
            store.flags.append("--rebuild-index")
            store.start().wait_ready()
            self.assertIn("rebuild of the index: files=", store.log())
        self.assertEqual(self.listed(), {*metrics, *tagged})

    def test_rescan_finds_files_and_verify_finds_damage(self):
        metrics = self.write_source(10)
        self.ctl("import", self.source)
        self.ctl("verify")
        tree = self.cluster.stores[0].data_dir / "whisper/default"
        write_series(tree / "dropped/in.wsp", [(self.now - 60, 1.0)])
        self.ctl("rescan")
        self.assertIn("dropped.in", self.listed())
        path = next(path for path in tree.rglob("cpu*.wsp"))
        path.write_bytes(path.read_bytes()[:-5])
        (tree / "link.wsp").symlink_to("/etc/passwd")
        found = self.ctl("verify", "--tenant", "default", code=1)
        self.assertIn(str(path.relative_to(tree)), found.stdout)
        self.assertIn("link.wsp", found.stdout)
        jobs = self.ctl_json("jobs", "list", "--shard", "shard-0")
        self.assertIn("verify", {job["description"] for job in jobs.values()})

    def test_usage_and_stale_series_are_summed_over_the_shards(self):
        metrics = self.write_source(40)
        self.ctl("import", self.source)
        size = next(iter(metrics.values())).stat().st_size
        usage = self.decoded(self.ctl_json("du", "servers", "--depth", "1")["branch"])
        by_path = {branch["path"]: branch for branch in usage}
        self.assertEqual(int(by_path["servers.web3"]["series_count"]), 4)
        self.assertEqual(int(by_path["servers.web3"]["file_bytes"]), 4 * size)
        old = self.stored_path("servers/web1/cpu1.wsp")
        os.utime(old, (self.now - 10 * 86400, self.now - 10 * 86400))
        self.ctl("rescan")
        stale = self.decoded(self.ctl_json("series", "stale", "--older-than", "9d")["branch"])
        self.assertEqual([series["path"] for series in stale], ["servers.web1.cpu1"])
        shown = self.ctl("series", "expire", "--older-than", "9d")
        self.assertIn("dry run: 1 series", shown.stderr)
        self.assertTrue(old.exists())
        self.ctl("series", "expire", "--older-than", "9d", "--yes")
        self.assertFalse(old.exists())
        self.assertEqual(len(self.listed()), 39)

    def test_mistakes_are_explained(self):
        self.assertIn('unknown command or option "serie"', self.ctl("serie", "list", code=2).stderr)
        self.assertIn("the commands here are", self.ctl("series", code=2).stderr)
        other = self.ctl("jobs", "list", "--store", self.cluster.controller.address, code=1)
        self.assertIn("another service listens there", other.stderr)
        self.assertIn("no shard", self.ctl("jobs", "list", "--shard", "nope", code=1).stderr)
        self.assertIn("wildcards", self.ctl("series", "rename", "a.*", "b", code=1).stderr)
        self.assertIn("time span", self.ctl("series", "expire", "--older-than", "soon", code=1).stderr)


if __name__ == "__main__":
    unittest.main()
