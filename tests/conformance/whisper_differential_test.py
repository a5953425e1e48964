"""The same random operations on whisper.py and on libs/whisper; after each one the two files must
be equal byte for byte, and every fetch must give the same answer.

    whisper_differential_test.py DRIVER [--operations N] [--seed S]

whisper.py leaves one thing open: the order in which it computes the slots of a coarser archive (it
iterates over a set). It decides what becomes slot 0 of an empty archive, so it is pinned here to
ascending time, which is what libs/whisper does.
"""

import argparse
import builtins
import math
import os
import random
import subprocess
import sys
import tempfile

import whisper

whisper.set = lambda items: sorted(builtins.set(items))

METHODS = sorted(whisper.aggregationMethods)
STEPS = [1, 2, 5, 7, 10, 60]
FACTORS = [0.0, 0.1, 0.25, 0.3, 0.5, 0.7, 1.0]
VALUES = [0.0, -0.0, 1.0, -1.0, 0.1, 1e300, -1e-300, float("nan")]


def random_archives(rng):
    while True:
        step = rng.choice(STEPS)
        archives = []
        for _ in range(rng.randint(1, 4)):
            archives.append((step, rng.randint(1, 40)))
            step *= rng.randint(2, 12)
        try:
            whisper.validateArchiveList(archives)
            return archives
        except whisper.InvalidConfiguration:
            pass


def random_value(rng):
    return rng.choice(VALUES) if rng.random() < 0.1 else rng.uniform(-1000, 1000)


class Driver:
    def __init__(self, program):
        self.process = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, *words):
        self.process.stdin.write(" ".join(str(word) for word in words) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n")


class Pair:
    """One file of each implementation, and the operations that made them."""

    def __init__(self, rng, driver, directory, index):
        self.rng, self.driver = rng, driver
        self.ours = os.path.join(directory, "ours%d.wsp" % index)
        self.theirs = os.path.join(directory, "theirs%d.wsp" % index)
        self.now = rng.randint(1_500_000_000, 1_900_000_000)
        self.archives = random_archives(rng)
        self.method, self.factor = rng.choice(METHODS), rng.choice(FACTORS)
        self.finest = self.archives[0][0] * self.archives[0][1]
        self.longest = self.archives[-1][0] * self.archives[-1][1]
        self.log = ["create %s %s %s" % (self.archives, self.method, self.factor)]
        whisper.create(self.theirs, list(self.archives), self.factor, self.method)
        answer = driver.run("create", self.ours, self.method, float(self.factor).hex(),
                            ",".join("%d:%d" % archive for archive in self.archives))
        self.require(answer == "ok", answer)
        self.compare_files()

    def remove(self):
        os.remove(self.ours)
        os.remove(self.theirs)

    def require(self, condition, detail):
        if not condition:
            sys.exit("DIFFERENCE: %s\n%s" % (detail, "\n".join(self.log)))

    def compare_files(self):
        with open(self.ours, "rb") as ours, open(self.theirs, "rb") as theirs:
            a, b = ours.read(), theirs.read()
        at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
        self.require(a == b, "byte %d: ours %s, theirs %s" %
                     (at, a[at:at + 12].hex(), b[at:at + 12].hex()))

    def step(self):
        self.now += self.rng.choice([0, 1, self.archives[0][0], self.finest // 2, self.longest])
        if self.rng.random() < 0.1:
            self.log.append("close")
            self.driver.run("close")  # so that files are met with and without what is remembered
        operation = self.rng.choice([self.update, self.many, self.many, self.fetch, self.fetch])
        operation()
        self.compare_files()

    def update(self):
        age = self.rng.choice([0, -1, self.longest, self.longest - 1, self.finest,
                               self.rng.randint(0, self.finest), self.rng.randint(0, self.longest)])
        time, value = self.now - age, random_value(self.rng)
        self.log.append("update now=%d time=%d value=%r" % (self.now, time, value))
        answer = self.driver.run("update", self.ours, self.now, time, value.hex())
        try:
            whisper.update(self.theirs, value, time, self.now)
            self.require(answer == "ok", answer)
        except whisper.TimestampNotCovered as error:
            self.require(answer == "error " + str(error), answer)

    def many(self):
        points = self.random_points()
        self.log.append("many now=%d %r" % (self.now, points))
        answer = self.driver.run("many", self.ours, self.now,
                                 *("%d:%s" % (time, value.hex()) for time, value in points))
        whisper.update_many(self.theirs, points, self.now)
        uncovered = len({time for time, _ in points if self.now - time > self.longest})
        self.require(answer == "ok %d" % uncovered, answer)

    def random_points(self):
        count = self.rng.choice([1, 2, 5, 30, 80])
        kind = self.rng.choice(["run", "recent", "anywhere", "future"])
        if kind == "run":
            start = self.now - self.rng.randint(0, self.longest)
            times = [start + i * self.archives[0][0] for i in range(count)]
            times = [time for time in times if time <= self.now]
        elif kind == "recent":
            times = [self.now - self.rng.randint(0, self.finest) for _ in range(count)]
        elif kind == "anywhere":
            times = [self.now - self.rng.randint(0, self.longest * 5 // 4) for _ in range(count)]
        else:
            # Not a whole ring at once: there whisper.py writes past the end of the archive.
            half = max(0, self.finest // 2 - 2 * self.archives[0][0])
            times = [self.now + self.rng.randint(-half, half) for _ in range(count)]
        if self.rng.random() < 0.5:
            self.rng.shuffle(times)
        if times and self.rng.random() < 0.3:
            times += self.rng.choices(times, k=3)
        return [(time, random_value(self.rng)) for time in times] or [(self.now, 1.0)]

    def fetch(self):
        since = self.now - self.rng.randint(-10, self.longest * 5 // 4)
        until = since + self.rng.choice([0, 1, -1, self.finest, self.rng.randint(0, self.longest)])
        self.log.append("fetch now=%d from=%d until=%d" % (self.now, since, until))
        answer = self.driver.run("fetch", self.ours, since, until, self.now)
        try:
            expected = whisper.fetch(self.theirs, since, until, self.now)
        except whisper.InvalidTimeInterval as error:
            self.require(answer == "error " + str(error), answer)
            return
        if expected is None:
            self.require(answer == "ok none", answer)
            return
        (start, end, step), values = expected
        words = answer.split(" ")
        self.require(words[:3] == ["ok", str(start), str(step)], answer[:100])
        self.require(end == start + step * len(values), "whisper's own end")
        ours = [float.fromhex(word) for word in words[3:]]
        theirs = [math.nan if value is None else value for value in values]
        self.require(list(map(repr, ours)) == list(map(repr, theirs)), (ours, theirs))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("driver")
    parser.add_argument("--operations", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randint(0, 2**32))
    arguments = parser.parse_args()
    print("seed", arguments.seed, flush=True)
    rng = random.Random(arguments.seed)
    driver = Driver(arguments.driver)
    per_file = 40
    with tempfile.TemporaryDirectory() as directory:
        for index in range(max(1, arguments.operations // per_file)):
            pair = Pair(rng, driver, directory, index)
            for _ in range(per_file):
                pair.step()
            pair.remove()
    print("equal after", arguments.operations, "operations")


if __name__ == "__main__":
    main()
