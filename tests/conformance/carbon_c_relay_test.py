"""10,000 metrics through the same configuration by `carbon-c-relay -t` and by libs/routing: the same
names to the same hosts, and into the same aggregates.

    carbon_c_relay_test.py DRIVER [--names N] [--seed S]

Needs Debian's carbon-c-relay.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import unittest

CLUSTERS = """
cluster ring carbon_ch replication 2 10.0.0.1 10.0.0.2:2004=b 10.0.0.3:2005=c;
cluster fnv fnv1a_ch 10.0.1.1 10.0.1.2:2013 10.0.1.2:2014 10.0.1.3;
cluster jump jump_fnv1a_ch replication 2 dynamic 10.0.2.1=3 10.0.2.2=1 10.0.2.3=12 10.0.2.4;
cluster any any_of 10.0.3.1 10.0.3.2:2004 10.0.3.3:2005 proto udp;
cluster fail failover 10.0.4.1 10.0.4.2 type linemode;
cluster all forward useall 10.0.5.1 10.0.5.2:2103 proto tcp 10.0.5.3 transport plain;
"""

CONFIGURATIONS = {
    "every cluster": "match * send to ring fnv jump any fail all;",
    "stop and fall through": r"""
        match ^servers\. send to ring;
        match cpu load send to any;
        match ^servers\.web[0-9]+\.(cpu|disk)\. send to fnv stop;
        match \.disk$ \.p99$ send to jump stop;
        match * send to all stop;
        match * send to fail;""",
    "quoted patterns": """
        match "^servers\\\\.web[0-9]+" send to ring stop;
        match "db.*load" send to fnv stop;
        match "^[^.]+[.]eth0" send to jump;""",
    "blackhole": r"""
        match disk send to ring;
        match ^db send to blackhole;
        match (p99|requests) send to any;""",
    "rewrites": r"""
        rewrite ^servers\.([^.]+)\.(.*)$ into hosts.\1.\2;
        match ^hosts\.web send to ring stop;
        rewrite ^(db[0-9]*)\.([^.]+) into "\\_1.\\^2";
        rewrite (cpu|disk)([0-9]*) into x\2_\1;
        rewrite ^(requests[0-9]*\.[a-z]+) into \.1;
        match * send to fnv;""",
    "template oddities": r"""
        rewrite ^(web[0-9]*)\.(.+)$ into \2\1.\0a\9b\\1;
        rewrite ^(db)([0-9]*)(.*)$ into "\\_.1\\2-\\^.3";
        rewrite ^(cpu)([0-9]+) into \1\_2.x\.y;
        match * send to jump;""",
    "route using": r"""
        match ^servers\.([^.]+)\. route using \1 send to ring stop;
        match ^([a-z]+)[0-9]*\.(.*)$ route using \2.\1 send to fnv jump stop;
        match cpu route using same send to ring;""",
    "aggregates": r"""
        aggregate ^servers\.(web|db)[0-9]*\.([^.]+)
            every 10 seconds expire after 35 seconds
            compute sum write to sum.\1.\2
            compute percentile90 write to p90.\1;
        aggregate cpu load
            every 60 seconds expire after 90 seconds timestamp at start of bucket
            compute average write to all.cpu
            send to all;
        aggregate (eth0)$ every 5 seconds expire after 11 seconds
            compute count write to n_\^1 compute stddev write to s;
        match * send to ring;""",
    "nothing matches most": "match ^nowhere send to ring; match eth0$ send to any;",
    "posix": r"""
        match ^[[:alpha:]]+[[:digit:]]{2,3}\. send to ring;
        match (^|\.)(cpu|db){1}[0-9]?(\.|$) send to fnv;
        match ^([a-z]+|[a-z]+[0-9]+)\.(.*)load send to jump stop;
        match ^.{,12}$ send to any;
        match [.]p99 send to fail;""",
    "comments and includes": """
        # a comment ; with a semicolon
        include %(directory)s/part*.conf;
        match * send to part_ring; # the end
""",
}

INCLUDED = "cluster part_ring carbon_ch replication 1 10.9.0.1 10.9.0.2;\n"
SENTINEL = "sentinel-zzz"


def random_names(count, rng):
    words = ["servers", "web", "db", "cpu", "load", "disk", "eth0", "p99", "requests"]
    names = set()
    while len(names) < count:
        nodes = [rng.choice(words) + (str(rng.randrange(1000)) if rng.random() < 0.5 else "")
                 for _ in range(rng.randint(1, 6))]
        names.add(".".join(nodes))
    return sorted(names)


def parse_test_mode(text, count):
    """The set of NAME=HOST:PORT and AGGREGATE of each metric."""
    answers, current, block, name = [], set(), None, None
    for line in text.splitlines():
        if line == "    -> " + SENTINEL:
            answers.append(current)
            current = set()
        elif line in ("match", "rewrite", "aggregation"):
            block = line
        elif block == "aggregation" and line.startswith("    ") and not line.startswith("     "):
            head, _, output = line.strip().partition(" -> ")
            # The first line of a block repeats the metric, the computes follow.
            if output and head.split("(")[0].rstrip("0123456789") in (
                    "sum", "percentile", "average", "count", "stddev"):
                current.add(output)
        elif block == "match" and line.startswith("        "):
            if " -> " not in line:
                current.add("%s=%s" % (name, line.strip()))
        elif block == "match" and " -> " in line:
            name = line.rpartition(" -> ")[2]
        elif block == "match" and line.startswith("    -> "):
            name = line[len("    -> "):]
    assert len(answers) == count + 1, (len(answers), count)
    return answers[1:]  # before the first sentinel comes the configuration


class CarbonCRelayTest(unittest.TestCase):
    driver, names = None, []

    def test_same_destinations(self):
        for title, rules in CONFIGURATIONS.items():
            with self.subTest(title), tempfile.TemporaryDirectory() as directory:
                self.compare(directory, rules)

    def compare(self, directory, rules):
        config = directory + "/relay.conf"
        with open(directory + "/part1.conf", "w") as file:
            file.write(INCLUDED)
        with open(config, "w") as file:
            file.write("match ^%s send to blackhole stop;\n" % SENTINEL)
            file.write(CLUSTERS + rules.replace("%(directory)s", directory))
        theirs = subprocess.run(
            ["carbon-c-relay", "-t", "-O", "100000", "-f", config], text=True, capture_output=True,
            timeout=120,
            input="\n".join([SENTINEL, *("%s\n%s" % (name, SENTINEL) for name in self.names), ""]))
        self.assertEqual(theirs.returncode, 0, theirs.stdout[-500:] + theirs.stderr)
        ours = subprocess.run([self.driver, "c-relay", config], text=True, capture_output=True,
                              input="".join(name + "\n" for name in self.names), timeout=120)
        self.assertEqual(ours.returncode, 0, ours.stderr)
        expected = parse_test_mode(theirs.stdout, len(self.names))
        for name, line, answer in zip(self.names, ours.stdout.splitlines(), expected, strict=True):
            self.assertEqual(set(line.split()), answer, name)
        self.assertTrue(any(expected), "no metric went anywhere: the output was not understood")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("driver")
    parser.add_argument("--names", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    arguments, rest = parser.parse_known_args()
    print("seed", arguments.seed, "names", arguments.names, flush=True)
    CarbonCRelayTest.driver = arguments.driver
    CarbonCRelayTest.names = random_names(arguments.names, random.Random(arguments.seed))
    unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()
