"""carbon's rule files and its aggregator by carbon's own classes and by libs/routing: the same
names, destinations and aggregates for random metrics, and the same emissions at the same seconds.

    carbon_rules_test.py DRIVER [--names N] [--seed S]

Needs Debian's graphite-carbon. In time, points stay within MAX_AGGREGATION_INTERVALS: what is later
carbon emits as if it were the whole bucket, and libs/routing refuses (docs/routing.md).
"""

import argparse
import os
import random
import re
import subprocess
import sys
import tempfile
import types
import unittest
import warnings

warnings.filterwarnings("ignore", category=DeprecationWarning)  # carbon imports imp

from carbon import log, state  # noqa: E402
from carbon.aggregator import buffers  # noqa: E402
from carbon.aggregator.rules import RuleManager  # noqa: E402
from carbon.conf import settings  # noqa: E402
from carbon.regexlist import RegexList  # noqa: E402
from carbon.relayrules import loadRelayRules  # noqa: E402
from carbon.rewrite import RewriteRule  # noqa: E402
from carbon.routers import AggregatedConsistentHashingRouter  # noqa: E402
from carbon.util import parseDestination  # noqa: E402
from twisted.internet.task import Clock, LoopingCall  # noqa: E402

BLACKLIST = r"""
# comment
^requests\d+\.
\.p99$
"""
WHITELIST = r"""
^(servers|db|web)\d*\.
cpu|load
"""
REWRITE = r"""
# comment
[pre]
^servers\.([^.]+)\. = hosts.\1.
\d+ = N
(?P<word>disk)N? = \g<word>-\g<1>_
[post]
^hosts\.web = hosts.w
x* = -
"""
AGGREGATION = r"""
# comment
all.<node>.load (10) = sum hosts.<node>.*load*
deep.<rest> (60) = avg web*.<<rest>>
<name>.count (10) = count <name>.**
p (60) = p95 *.*.cpu|db.+
"""
RELAY = r"""
[web]
pattern = \.WEB
destinations = 10.0.0.1:2004:a, 10.0.0.2:2004
continue = yes

[cpu]
pattern = ^(?:hosts|web)-?.*cpu
destinations: 10.0.0.3:2004,
              [::1]:2004:b

[rest]
default = true
destinations = 10.0.0.1:2004:a, 10.0.0.4:2004
"""

TIMED = """
sum.<x> (10) = sum in.<x>.*
avg.<x> (10) = avg in.<x>.*
min.<x> (60) = min in.<x>.*
max.<x> (10) = max in.<x>.*
count.<x> (10) = count in.<x>.*
p50.<x> (10) = p50 in.<x>.*
p90.<x> (60) = p90 in.<x>.*
p95.<x> (10) = p95 in.<x>.*
p999.<x> (10) = p999 in.<x>.*
sum.<x> (60) = avg in.<x>.first
"""


def random_names(count, rng):
    words = ["servers", "web", "db", "cpu", "load", "disk", "eth0", "p99", "requests"]
    names = set()
    while len(names) < count:
        nodes = [rng.choice(words) + (str(rng.randrange(100)) if rng.random() < 0.4 else "")
                 for _ in range(rng.randint(1, 6))]
        names.add(".".join(nodes) + (";dc=web" if rng.random() < 0.05 else ""))
    return sorted(names)


def regex_list(text):
    result = RegexList()
    result.regex_list = [re.compile(line) for line in text.splitlines()
                         if line.strip() and not line.startswith("#")]
    return result


def rewrite_rules(text):
    rules = {"pre": [], "post": []}
    for line in text.splitlines():
        if line.startswith("["):
            section = line[1:-1]
        elif line and not line.startswith("#"):
            rules[section].append(RewriteRule(*(part.strip() for part in line.split("=", 1))))
    return rules


def aggregation_rules(text):
    return [RuleManager.parse_definition(line) for line in text.splitlines()
            if line.strip() and not line.startswith("#")]


class CarbonRulesTest(unittest.TestCase):
    driver, names, rng = None, [], None

    def run_driver(self, lines, *arguments):
        result = subprocess.run([self.driver, *arguments], text=True, capture_output=True,
                                input="".join(line + "\n" for line in lines), timeout=300)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout.splitlines()

    def write(self, directory, **files):
        for name, text in files.items():
            with open(os.path.join(directory, name.replace("_", "-") + ".conf"), "w") as file:
                file.write(text)

    def test_all_files_together(self):
        with tempfile.TemporaryDirectory() as directory:
            self.write(directory, blacklist=BLACKLIST, whitelist=WHITELIST, rewrite_rules=REWRITE,
                       aggregation_rules=AGGREGATION, relay_rules=RELAY)
            ours = self.run_driver(self.names, "carbon", directory, "rules")
            relay = loadRelayRules(os.path.join(directory, "relay-rules.conf"))
        blacklist, whitelist = regex_list(BLACKLIST), regex_list(WHITELIST)
        rewrites, aggregates = rewrite_rules(REWRITE), aggregation_rules(AGGREGATION)
        seen = set()
        for name, line in zip(self.names, ours, strict=True):
            expected = self.by_carbon(name, blacklist, whitelist, rewrites, aggregates, relay)
            self.assertEqual(set(line.split()), expected, name)
            seen |= expected
        self.assertGreater(len(seen), 100)

    def by_carbon(self, name, blacklist, whitelist, rewrites, aggregates, relay):
        if name in blacklist or name not in whitelist:
            return set()
        for rule in rewrites["pre"]:
            name = rule.apply(name)
        outputs = {rule.get_aggregate_metric(name) for rule in aggregates} - {None}
        if name in outputs:
            return outputs
        for rule in rewrites["post"]:
            name = rule.apply(name)
        answer = set(outputs)
        for rule in relay:
            if rule.matches(name):
                answer |= {"%s=%s:%d" % (name, d[0], d[1]) for d in rule.destinations}
                if not rule.continue_matching:
                    break
        return answer

    def test_aggregated_consistent_hashing(self):
        hosts = ["10.0.0.%d:2004:%s" % (i, "abc"[i % 3]) for i in range(6)]
        router = AggregatedConsistentHashingRouter(Settings(
            REPLICATION_FACTOR=1, DIVERSE_REPLICAS=True, ROUTER_HASH_TYPE=None))
        router.agg_rules_manager = types.SimpleNamespace(rules=aggregation_rules(AGGREGATION))
        for host in hosts:
            router.addDestination(parseDestination(host))
        with tempfile.TemporaryDirectory() as directory:
            self.write(directory, aggregation_rules=AGGREGATION)
            ours = self.run_driver(self.names, "carbon", directory,
                                   "aggregated-consistent-hashing", *hosts)
        for name, line in zip(self.names, ours, strict=True):
            theirs = {"%s=%s:%d" % (name, d[0], d[1]) for d in router.getDestinations(name)}
            self.assertEqual(set(line.split()), theirs, name)

    def test_aggregator_emits_what_carbon_emits(self):
        for write_back in (0, 3):
            with self.subTest(write_back=write_back):
                self.compare_in_time(write_back)

    def compare_in_time(self, write_back):
        settings["MAX_AGGREGATION_INTERVALS"] = 5
        settings["WRITE_BACK_FREQUENCY"] = write_back or None
        clock, emitted = Clock(), []
        now = [1_700_000_003]
        script, expected = [], []

        def fake_looping_call(function):
            call = LoopingCall(function)
            call.clock = clock
            return call

        buffers.LoopingCall = fake_looping_call
        buffers.time = types.SimpleNamespace(time=lambda: now[0])
        state.events = types.SimpleNamespace(
            metricGenerated=lambda name, point: emitted.append((name, point[0], float(point[1]))))
        state.instrumentation = types.SimpleNamespace(increment=lambda *_: None)
        buffers.BufferManager.clear()
        rules = aggregation_rules(TIMED)
        for second in range(600):
            now[0] += 1
            clock.advance(1)
            expected.append(sorted(emitted))
            emitted.clear()
            script.append("take %d" % now[0])
            quiet = 200 < second < 320  # everything is freed in between
            for _ in range(0 if quiet else self.rng.randrange(4)):
                name = "in.%s.%s" % (self.rng.choice("abc"), self.rng.choice(["first", "second"]))
                timestamp = now[0] - int(self.rng.expovariate(0.1)) % 45 + self.rng.randrange(2)
                value = self.rng.choice([self.rng.uniform(-1e6, 1e6), self.rng.randrange(100), 0.1])
                script.append("add %d %s %d %r" % (now[0], name, timestamp, value))
                expected.append("ok")
                self.feed_carbon(rules, name, (timestamp, value))
        with tempfile.TemporaryDirectory() as directory:
            self.write(directory, aggregation_rules=TIMED)
            ours = self.run_driver(script, "aggregate", directory, "5", str(write_back))
        for line, answer, expectation in zip(script, ours, expected, strict=True):
            if line.startswith("take"):
                points = [point.split() for point in answer.split(";") if point]
                answer = sorted((name, int(time), float.fromhex(value))
                                for name, time, value in points)
            self.assertEqual(answer, expectation, line)
        self.assertGreater(sum(len(e) for e in expected if e != "ok"), 500)

    def feed_carbon(self, rules, name, point):
        # AggregationProcessor.process
        for rule in rules:
            output = rule.get_aggregate_metric(name)
            if output is None:
                continue
            buffer = buffers.BufferManager.get_buffer(output)
            if not buffer.configured:
                buffer.configure_aggregation(rule.frequency, rule.aggregation_func)
            buffer.input(point)


class Settings(types.SimpleNamespace):
    def __getitem__(self, key):
        return getattr(self, key, None) if key != "aggregation-rules" else None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("driver")
    parser.add_argument("--names", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    arguments, rest = parser.parse_known_args()
    print("seed", arguments.seed, "names", arguments.names, flush=True)
    log.debug = lambda *_: None
    settings["CACHE_METRIC_NAMES_TTL"] = settings["CACHE_METRIC_NAMES_MAX"] = 0
    CarbonRulesTest.driver = arguments.driver
    CarbonRulesTest.rng = random.Random(arguments.seed)
    CarbonRulesTest.names = random_names(arguments.names, CarbonRulesTest.rng)
    unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()
