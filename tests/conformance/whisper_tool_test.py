"""plumbago-whisper against the command line tools of Debian's python3-whisper, on random files.

    PLUMBAGO_WHISPER=.../plumbago-whisper whisper_tool_test.py

The output of info, fetch, dump, create, diff and the set commands must be equal byte for byte, and
so must the files that create, update, merge, fill, resize and the set commands leave. Both tools
are told the time. PLUMBAGO_SEED repeats a run.

Two things of whisper are pinned. It computes the slots of a coarser archive in the order of a set;
here in ascending time, as libs/whisper does. And whisper-resize --aggregate does not run on Python
3: it is compared with a transcription of what it does.
"""

import builtins
import contextlib
import io
import os
import random
import runpy
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import whisper

whisper.set = lambda items: sorted(builtins.set(items))

PROGRAM = os.environ.get("PLUMBAGO_WHISPER", "plumbago-whisper")
SEED = int(os.environ.get("PLUMBAGO_SEED", random.SystemRandom().randint(0, 2**32)))
ROUNDS = 40
METHODS = sorted(whisper.aggregationMethods)
FACTORS = [0.0, 0.1, 0.25, 0.5, 1.0]
VALUES = [0.0, -0.0, 1.0, -1.5, 0.1, 1e300, -1e-300, 1e16, 123456789.0, float("nan"),
          float("inf"), float("-inf")]


def random_archives(rng):
    while True:
        step = rng.choice([1, 2, 5, 10, 60])
        archives = []
        for _ in range(rng.randint(1, 3)):
            archives.append((step, rng.randint(1, 30)))
            step *= rng.randint(2, 6)
        try:
            whisper.validateArchiveList(archives)
            return archives
        except whisper.InvalidConfiguration:
            pass


def definitions(archives):
    return ["%d:%d" % archive for archive in archives]


def theirs(name, now, *arguments):
    """Runs /usr/bin/whisper-NAME in this process at the time `now`: (exit code, output)."""
    output = io.StringIO()
    real_time, real_argv = time.time, sys.argv
    time.time, sys.argv = lambda: now, ["whisper-" + name, *map(str, arguments)]
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(io.StringIO()):
            runpy.run_path("/usr/bin/whisper-" + name, run_name="__main__")
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    finally:
        time.time, sys.argv = real_time, real_argv
    return code, output.getvalue()


def ours(name, now, *arguments, stdin=""):
    # Errors go to standard error.
    done = subprocess.run([PROGRAM, "--now", str(now), name, *map(str, arguments)], input=stdin,
                          capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def read(path):
    with open(path, "rb") as file:
        return file.read()


def aggregated(path, archives, factor, method, now):
    """What whisper-resize --aggregate means to write: for each new archive its points."""
    samples = {}
    old = sorted(whisper.info(path)["archives"], key=lambda archive: archive["secondsPerPoint"])
    for archive in old:
        start = now - archive["retention"] + archive["secondsPerPoint"]
        info, values = whisper.fetch(path, start, now, now)
        oldest = min(samples, default=None)
        for moment, value in zip(range(*info), values):
            if oldest is None or moment < oldest:
                samples[moment] = value
    for step, count in archives:
        points = []
        first = now - step * count + now % step
        bins = {}
        for moment in sorted(samples):
            if moment >= first:
                bins.setdefault(moment - moment % step, []).append(samples[moment])
        for interval, values in bins.items():
            known = [value for value in values if value is not None]
            if known and len(known) / len(values) >= factor:
                points.append((interval, whisper.aggregate(method, known, values)))
        yield points


class Tools(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        print("seed", SEED, flush=True)

    def setUp(self):
        self.rng = random.Random("%d %s" % (SEED, self.id()))
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.archives = None

    def path(self, name):
        return os.path.join(self.directory, name)

    def random_value(self, finite=False):
        if not finite and self.rng.random() < 0.2:
            return self.rng.choice(VALUES)
        return self.rng.choice([self.rng.uniform(-1000, 1000), float(self.rng.randint(0, 9))])

    def make_file(self, name, archives, finite=False):
        """A new file with points over its whole retention, some of them missing."""
        path = self.path(name)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        whisper.create(path, list(archives), self.rng.choice(FACTORS), self.rng.choice(METHODS))
        longest = max(step * count for step, count in archives)
        density = self.rng.choice([0, 0.1, 0.7, 0.95])
        points = [(moment, self.random_value(finite))
                  for moment in range(self.now - longest + 1, self.now + 1)
                  if moment % archives[0][0] == 0 and self.rng.random() < density]
        for start in range(0, len(points), 20):
            chunk = points[start:start + 20]
            whisper.update_many(path, chunk, chunk[-1][0])
        return path

    def new_round(self):
        self.now = self.rng.randint(1_500_000_000, 1_900_000_000)
        self.archives = random_archives(self.rng)
        os.environ["TZ"] = self.rng.choice(["UTC", "Europe/Warsaw", "America/New_York"])
        time.tzset()

    def rounds(self):
        for _ in range(ROUNDS):
            self.new_round()
            yield

    def assert_same(self, name, *arguments, as_name=None):
        expected = theirs(as_name or name, self.now, *arguments)
        self.assertEqual(ours(name, self.now, *arguments), expected, arguments)

    def copies(self, path):
        """Two copies of a file, one for each tool."""
        return [shutil.copyfile(path, path + suffix) for suffix in (".ours", ".theirs")]

    def assert_same_files(self, first, second):
        self.assertEqual(read(first).hex(" ", 12), read(second).hex(" ", 12))

    def test_info(self):
        for _ in self.rounds():
            path = self.make_file("a.wsp", self.archives)
            self.assert_same("info", path)
            self.assert_same("info", path, "--json")
            for field in ("aggregationMethod", "maxRetention", "xFilesFactor", "archives",
                          "fileSize"):
                self.assert_same("info", path, field)
            code, _ = ours("info", self.now, path, "nonsense")
            self.assertEqual(code, theirs("info", self.now, path, "nonsense")[0])

    def test_fetch(self):
        for _ in self.rounds():
            path = self.make_file("a.wsp", self.archives)
            longest = whisper.info(path)["maxRetention"]
            for flags in ([], ["--json"], ["--pretty"], ["--pretty", "-t", "%d.%m. %H:%M:%S"],
                          ["--drop", "nulls"], ["--drop", "zeroes", "--json"],
                          ["--drop", "empty", "--json"]):
                since = self.now - self.rng.randint(-5, longest * 5 // 4)
                until = since + self.rng.choice([0, -1, self.rng.randint(0, longest)])
                self.assert_same("fetch", path, "--from", since, "--until", until, *flags)
            self.assert_same("fetch", path)

    def test_dump(self):
        for _ in self.rounds():
            path = self.make_file("a.wsp", self.archives)
            self.assert_same("dump", path)
            self.assert_same("dump", path, "--pretty")
            self.assert_same("dump", path, "--pretty", "-t", "%H:%M")

    def test_raw_dump_can_be_read_back(self):
        for _ in self.rounds():
            path = self.make_file("a.wsp", [(10, 50)])
            other = self.path("b.wsp")
            ours("create", self.now, other, "10:50", "--overwrite")
            code, lines = ours("dump", self.now, path, "--raw")
            self.assertEqual(code, 0)
            if len(lines.split()) > 1:
                self.assertEqual(ours("update", self.now, other, stdin=lines)[0], 0)
                self.assertEqual(ours("fetch", self.now, other, "--json"),
                                 ours("fetch", self.now, path, "--json"))

    def test_create(self):
        for _ in self.rounds():
            path = self.path("a.wsp")
            arguments = [path, *definitions(self.archives),
                         "--xFilesFactor", self.rng.choice(FACTORS),
                         "--aggregationMethod", self.rng.choice(METHODS)]
            if self.rng.random() < 0.3:
                arguments.append(self.rng.choice(["--sparse", "--fallocate"]))
            mine, expected = ours("create", self.now, *arguments), read(path)
            os.unlink(path)
            self.assertEqual(mine, theirs("create", self.now, *arguments))
            self.assertEqual(read(path), expected)
            self.assertEqual(ours("create", self.now, *arguments)[0], 1)
            self.assert_same("create", *arguments, "--overwrite")
            os.unlink(path)
        self.assert_same("create", "--estimate", "10s:6h", "1m:7d")
        self.assert_same("create", "--estimate", "60:1440,1h:5y")

    def test_update(self):
        for _ in self.rounds():
            first, second = self.copies(self.make_file("a.wsp", self.archives))
            longest = whisper.info(first)["maxRetention"]
            count = self.rng.choice([1, 1, 2, 30])
            # Several points never make a run longer than the ring: there whisper.py writes past the
            # end of the archive.
            ages = [-2, -1, 0, longest - 1, longest] if count == 1 else range(longest)
            points = ["%d:%r" % (self.now - self.rng.choice(ages), self.random_value())
                      for _ in range(count)]
            if count > 1:
                points += ["N:4.5", "%d:1" % (self.now - longest - 1)]
            expected = theirs("update", self.now, second, *points)
            self.assertEqual(ours("update", self.now, first, *points), expected)
            self.assert_same_files(first, second)

    def test_set(self):
        for _ in self.rounds():
            path = self.make_file("a.wsp", self.archives)
            method, factor = self.rng.choice(METHODS), self.rng.choice(FACTORS)
            for mine, other, arguments in (
                    ("set-aggregation", "set-aggregation-method", [path, method]),
                    ("set-aggregation", "set-aggregation-method", [path, method, factor]),
                    ("set-xff", "set-xfilesfactor", [path, factor])):
                before = read(path)
                result, after = ours(mine, self.now, *arguments), read(path)
                with open(path, "wb") as file:
                    file.write(before)
                self.assertEqual(result, theirs(other, self.now, *arguments))
                self.assertEqual(read(path), after)
            self.assertEqual(ours("set-xff", self.now, path, 1.5)[0], 1)
            self.assertEqual(ours("set-aggregation", self.now, path, "median")[0], 1)

    def test_merge(self):
        for _ in self.rounds():
            source = self.make_file("a.wsp", self.archives)
            first, second = self.copies(self.make_file("b.wsp", self.archives))
            arguments = []
            if self.rng.random() < 0.5:
                longest = whisper.info(source)["maxRetention"]
                since = self.now - self.rng.randint(0, longest)
                arguments = ["--from", since, "--until", self.rng.randint(since, self.now)]
            expected = theirs("merge", self.now, source, second, *arguments)
            self.assertEqual(ours("merge", self.now, source, first, *arguments), expected)
            self.assert_same_files(first, second)

    def test_merge_of_other_archives_is_refused(self):
        self.new_round()
        source = self.make_file("a.wsp", [(1, 10)])
        target = self.make_file("b.wsp", [(1, 11)])
        self.assertEqual(ours("merge", self.now, source, target)[0], 1)
        self.assertEqual(ours("diff", self.now, source, target)[0], 1)

    def test_diff(self):
        for _ in self.rounds():
            first = self.make_file("a.wsp", self.archives)
            second = self.path("b.wsp")
            shutil.copyfile(first, second)
            for _ in range(self.rng.randint(0, 3)):
                whisper.update_many(
                    second, [(self.now - self.rng.randint(0, 20), self.random_value())], self.now)
            for flags in ([], ["--summary"], ["--summary", "--json"], ["--json"], ["--columns"],
                          ["--columns", "--no-headers"], ["--ignore-empty"],
                          ["--summary", "--columns"],
                          ["--until", self.now - self.rng.randint(0, 100)]):
                self.assert_same("diff", first, second, *flags)

    def test_fill(self):
        for _ in self.rounds():
            other = self.archives if self.rng.random() < 0.5 else random_archives(self.rng)
            source = self.make_file("a.wsp", other)
            first, second = self.copies(self.make_file("b.wsp", self.archives))
            expected = theirs("fill", self.now, source, second)
            self.assertEqual(ours("fill", self.now, source, first), expected)
            self.assert_same_files(first, second)

    def test_resize(self):
        for _ in self.rounds():
            first, second = self.copies(self.make_file("a.wsp", self.archives))
            old = read(first)
            arguments = definitions(random_archives(self.rng))
            if self.rng.random() < 0.3:
                arguments += ["--xFilesFactor", "0.3", "--aggregationMethod", "max"]
            if self.rng.random() < 0.5:
                arguments.append("--nobackup")
            self.assertEqual(theirs("resize", self.now, second, *arguments)[0], 0)
            self.assertEqual(ours("resize", self.now, first, *arguments)[0], 0)
            self.assert_same_files(first, second)
            self.assertFalse(os.path.exists(first + ".tmp"))
            self.assertEqual(os.path.exists(first + ".bak"), "--nobackup" not in arguments)
            if "--nobackup" not in arguments:
                self.assertEqual(read(first + ".bak"), old)
                os.unlink(first + ".bak")

    def test_resize_into_a_new_file(self):
        self.new_round()
        path = self.make_file("a.wsp", [(10, 50)])
        old = read(path)
        first, second = self.path("b.wsp"), self.path("c.wsp")
        ours("resize", self.now, path, "10:90", "--newfile", first)
        theirs("resize", self.now, path, "10:90", "--newfile", second)
        self.assert_same_files(first, second)
        self.assertEqual(read(path), old)

    def test_resize_with_aggregation(self):
        for _ in self.rounds():
            path = self.make_file("a.wsp", self.archives, finite=True)
            header = whisper.info(path)
            archives = random_archives(self.rng)
            expected, actual = self.path("expected.wsp"), self.path("actual.wsp")
            for leftover in (expected, actual):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(leftover)
            method, factor = header["aggregationMethod"], header["xFilesFactor"]
            whisper.create(expected, list(archives), factor, method)
            for points in aggregated(path, archives, factor, method, self.now):
                whisper.update_many(expected, points, self.now)
            code, _ = ours("resize", self.now, path, *definitions(archives), "--aggregate",
                           "--newfile", actual)
            self.assertEqual(code, 0)
            self.assert_same_files(actual, expected)

    def test_verify(self):
        self.new_round()
        good = self.make_file("good.wsp", [(10, 50)])
        self.assertEqual(ours("verify", self.now, self.directory),
                         (0, "1 files, 0 of them damaged or unreadable\n"))
        bad = self.path("bad.wsp")
        with open(bad, "wb") as file:
            file.write(read(good)[:-1])
        with open(self.path("empty.wsp"), "wb"):
            pass
        code, output = ours("verify", self.now, self.directory)
        self.assertEqual(code, 1)
        self.assertIn("bad.wsp: truncated", output)
        self.assertIn("empty.wsp: ", output)
        self.assertIn("3 files, 2 of them damaged or unreadable\n", output)
        self.assertEqual(ours("verify", self.now, good)[0], 0)

    def test_compressed_files_are_read_and_converted(self):
        testdata = os.path.join(os.path.dirname(__file__), "../../libs/whisper/testdata")
        ramp, now = os.path.join(testdata, "ramp.wsp"), 1700000040 + 299
        self.assertEqual(ours("info", now, ramp, "aggregationMethod"), (0, "sum\n"))
        code, values = ours("fetch", now, ramp, "--from", now - 3, "--json")
        self.assertEqual(code, 0)
        self.assertIn("[297.0, 298.0, 299.0]", values)
        self.assertEqual(ours("verify", now, ramp)[0], 0)
        for refused in (["dump", ramp], ["update", ramp, "N:1"], ["set-xff", ramp, "0.1"]):
            self.assertEqual(ours(refused[0], now, *refused[1:])[0], 1, refused)
        classic = self.path("classic.wsp")
        arguments = [ramp, "1:60", "5:60", "30:40", "--aggregationMethod", "sum", "--newfile",
                     classic]
        self.assertEqual(ours("resize", now, *arguments)[0], 0)
        since = now - 50
        self.assertEqual(ours("fetch", now, ramp, "--from", since),
                         theirs("fetch", now, classic, "--from", since))

    def test_what_fails_says_so_on_standard_error(self):
        for command in (["info"], ["fetch"], ["dump"], ["update", "1:1"], ["verify"],
                        ["resize", "1:9"]):
            name, *rest = command
            done = subprocess.run([PROGRAM, name, self.path("none.wsp"), *rest],
                                  capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 1, command)
            self.assertIn("none.wsp" if name != "verify" else "1 of 1", done.stderr)

    def test_help_teaches(self):
        done = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0)
        for name in ("info", "fetch", "dump", "create", "update", "resize", "fill", "merge", "diff",
                     "verify", "set-aggregation", "set-xff"):
            self.assertIn("  " + name, done.stdout)
            part = subprocess.run([PROGRAM, name, "--help"], capture_output=True, text=True,
                                  check=False)
            self.assertEqual(part.returncode, 0)


if __name__ == "__main__":
    unittest.main()
