"""The tenant-controller and plumbagoctl as real processes: what an operator does, sees and is told,
and that nothing which was answered is lost by kill -9."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import harness

BIN = pathlib.Path(os.environ["PLUMBAGO_BIN"])


class ControllerTest(unittest.TestCase):
    """Each test has a controller of its own, with two shards."""

    def setUp(self):
        self.bin = BIN  # what harness.Service asks of a cluster
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="plumbago-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.controller = harness.Service(self, "controller", "plumbago-tenant-controller", [])
        self.addCleanup(self.end_controller)
        for shard in ("a", "b"):
            self.controller.flags += ["--shard", self.shard_flag(shard)]
        self.controller.start().wait_ready()

    def end_controller(self):
        if self.controller.process is not None:
            self.controller.kill()

    @staticmethod
    def shard_flag(shard, cache_port=1):
        return f"id={shard},cache=127.0.0.1:{cache_port},store=127.0.0.1:2"

    def ctl(self, *arguments, code=0):
        """Runs plumbagoctl; standard output, or standard error where `code` is not 0."""
        result = subprocess.run(
            [BIN / "plumbagoctl", "--controller", self.controller.address, *arguments],
            capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(result.returncode, code, result.stderr)
        return result.stdout if code == 0 else result.stderr

    def ctl_json(self, *arguments):
        return json.loads(self.ctl("--output", "json", *arguments))

    def tenant_ids(self):
        return [tenant["id"] for tenant in self.ctl_json("tenant", "list")["tenant"]]

    def test_tenants_are_created_shown_changed_and_deleted(self):
        self.assertIn("acme", self.ctl("tenant", "create", "acme", "--display-name", "Acme Inc."))
        listed = self.ctl("tenant", "list")
        self.assertRegex(listed, r"(?m)^acme +active +Acme Inc\. ")
        self.assertRegex(listed, r"(?m)^default +active ")
        updated = self.ctl_json("tenant", "update", "acme", "--series", "10", "--disk-bytes", "0")
        self.assertEqual(updated["limits"], {"series": "10", "disk_bytes": "0"})
        self.assertEqual(updated["display_name"], "Acme Inc.")
        self.assertEqual(self.ctl_json("tenant", "suspend", "acme")["state"], "SUSPENDED")
        self.assertEqual(self.ctl_json("tenant", "resume", "acme")["state"], "ACTIVE")
        self.assertEqual(self.ctl_json("tenant", "delete", "acme")["state"], "DELETING")
        self.assertEqual(self.ctl_json("tenant", "get", "acme")["state"], "DELETING")

    def test_refused_calls_say_why_and_exit_with_1(self):
        self.ctl("tenant", "create", "acme")
        self.assertEqual(self.ctl("tenant", "create", "acme", code=1),
                         'plumbagoctl: tenant "acme" exists\n')
        self.assertIn("use 1 to 63 of a-z, 0-9 and -", self.ctl("tenant", "create", "A.b", code=1))
        self.assertIn('no tenant "nobody"', self.ctl("tenant", "get", "nobody", code=1))
        self.assertIn("suspend it", self.ctl("tenant", "delete", "default", code=1))
        self.assertIn("still has 2048 slots", self.ctl("shard", "remove", "a", code=1))
        self.assertIn("does not fit 2 active shards",
                      self.ctl("topology", "assign", "--replication-factor", "3", code=1))

    def test_a_malformed_command_line_exits_with_2(self):
        self.assertIn("A subcommand is required", self.ctl(code=2))
        self.assertIn("--scope is required", self.ctl("key", "create", "default", code=2))
        self.assertIn("not in {ingest,read,admin}",
                      self.ctl("key", "create", "default", "--scope", "write", code=2))

    def test_an_unreachable_controller_is_named(self):
        self.controller.stop()
        error = self.ctl("tenant", "list", code=1)
        self.assertIn(f"tenant-controller {self.controller.address} cannot be reached", error)

    def test_key_secrets_are_shown_once_and_kept_nowhere(self):
        created = self.ctl_json("key", "create", "default", "--scope", "ingest", "--note", "web01")
        secret, key_id = created["secret"], created["key"]["id"]
        self.assertRegex(secret, rf"^pk_{key_id}_[0-9A-Za-z]{{22,}}$")
        self.assertRegex(self.ctl("key", "list", "default"), rf"(?m)^{key_id} +default +ingest .*web01")
        self.ctl("key", "revoke", key_id)
        listed = self.ctl_json("key", "list", "default")["key"]
        self.assertNotEqual(listed[0]["revoked_unix_ms"], "0")
        self.controller.stop()
        for path in self.directory.rglob("*"):
            if path.is_file():
                self.assertNotIn(secret.encode(), path.read_bytes(), path)

    def test_kill_9_loses_nothing_that_was_answered(self):
        for number in range(20):
            self.ctl("tenant", "create", f"tenant-{number:02}")
            if number % 5 == 4:
                self.controller.kill()
                self.controller.start().wait_ready()
        self.assertEqual(self.tenant_ids(), ["default"] + [f"tenant-{n:02}" for n in range(20)])
        before = self.ctl("topology", "show")
        self.controller.kill()
        self.controller.start().wait_ready()
        self.assertEqual(self.ctl("topology", "show"), before)

    def test_shards_are_added_given_slots_and_removed(self):
        self.assertRegex(self.ctl("shard", "list"), r"(?m)^a .* 2048 +2048$")
        self.ctl("shard", "add", "c", "--cache", "c:1", "--store", "c:2", "--zone", "z")
        self.assertRegex(self.ctl("shard", "list"), r"(?m)^c +active +z +c:1 +c:2 +0 +0$")
        self.assertRegex(self.ctl("topology", "assign"), r"(?m)^c .* 136[56] +136[56]$")
        epoch = self.ctl_json("topology", "show")["epoch"]
        self.ctl("topology", "assign")
        self.assertEqual(self.ctl_json("topology", "show")["epoch"], epoch, "nothing had to move")
        self.ctl("topology", "assign", "--slots", "0-4095=a,b")
        self.ctl("shard", "remove", "c")
        slots = self.ctl_json("topology", "show")["slots"]
        self.assertEqual([(s["first"], s["last"], s["shard"]) for s in slots], [(0, 4095, ["a", "b"])])

    def test_shard_flags_are_for_the_first_start(self):
        self.controller.stop()
        self.controller.start().wait_ready()
        self.assertIn("the registry has shards already", self.controller.log())
        self.controller.stop()
        self.controller.flags[1] = self.shard_flag("a", cache_port=9)
        self.controller.start()
        self.assertEqual(self.controller.process.wait(30), 1)
        self.controller.process = None
        self.assertIn('shard "a" has cache address "127.0.0.1:1" in the registry, not "127.0.0.1:9"',
                      self.controller.log())

    def test_a_second_process_on_the_data_directory_is_refused(self):
        other = harness.Service(self, "other", "plumbago-tenant-controller", [])
        other.data_dir = self.controller.data_dir
        other.start()
        self.assertEqual(other.process.wait(30), 1)
        self.assertIn(f"another process uses --data-dir {self.controller.data_dir}", other.log())

    def test_addresses_beyond_loopback_have_to_be_allowed(self):
        command = [BIN / "plumbago-tenant-controller", "--data-dir", self.directory / "other",
                   "--listen", f"0.0.0.0:{harness.free_port()}"]
        result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("--allow-unauthenticated", result.stderr)

    def test_metrics_show_what_the_registry_holds(self):
        self.ctl("tenant", "create", "acme")
        self.assertEqual(self.controller.metric("plumbago_controller_tenants"), 2)
        self.assertEqual(self.controller.metric("plumbago_controller_shards"), 2)
        self.assertEqual(self.controller.metric("plumbago_controller_epoch"), 1)

    def test_sigterm_ends_with_code_0(self):
        self.assertEqual(self.controller.stop(), 0)
        self.assertIn("SIGTERM: draining", self.controller.log())


if __name__ == "__main__":
    unittest.main()
