"""The destinations of 100,000 metrics by carbon's own routers and by `carbon-c-relay -t`, and by
libs/routing: equal for every ring, and there with two replicas on different servers. With the other
replication factors each ring gets every tenth of them.

    hash_ring_test.py DRIVER [--names N] [--seed S]

Needs Debian's graphite-carbon and carbon-c-relay. carbon's mmh3_ch needs the Python module mmh3,
which Debian does not have: a plain Python MurmurHash3, proved by published vectors, stands in.
"""

import argparse
import functools
import random
import subprocess
import sys
import tempfile
import types
import unittest
import warnings

warnings.filterwarnings("ignore", category=DeprecationWarning)  # carbon imports imp

MASK = 0xFFFFFFFF


def murmur3(text, seed=0):
    """MurmurHash3_x86_32 of the UTF-8 of `text`, signed, as mmh3.hash."""
    data, h = text.encode("utf-8"), seed

    def rotate(x, bits):
        return ((x << bits) | (x >> (32 - bits))) & MASK

    def scramble(k):
        return (rotate((k * 0xCC9E2D51) & MASK, 15) * 0x1B873593) & MASK

    whole = len(data) // 4 * 4
    for i in range(0, whole, 4):
        h = (rotate(h ^ scramble(int.from_bytes(data[i:i + 4], "little")), 13) * 5 + 0xE6546B64) & MASK
    h ^= scramble(int.from_bytes(data[whole:], "little"))
    h ^= len(data)
    h = ((h ^ (h >> 16)) * 0x85EBCA6B) & MASK
    h = ((h ^ (h >> 13)) * 0xC2B2AE35) & MASK
    h ^= h >> 16
    return h - (1 << 32) if h >> 31 else h


import carbon.hashing  # noqa: E402
import carbon.routers  # noqa: E402
from carbon.routers import ConsistentHashingRouter, FastHashingRouter  # noqa: E402
from carbon.util import parseDestination  # noqa: E402

if carbon.hashing.mmh3 is None:
    carbon.hashing.mmh3 = types.SimpleNamespace(hash=murmur3)
# The same name is looked up on many rings.
carbon.hashing.carbonHash = functools.lru_cache(maxsize=None)(carbon.hashing.carbonHash)
carbon.routers.carbonHash = carbon.hashing.carbonHash

HOSTS = {
    "one": ["10.0.0.1:2004"],
    "three hosts": ["127.0.0.1:2004", "127.0.0.2:2004", "127.0.0.3:2004"],
    "three instances": ["127.0.0.1:2004:a", "127.0.0.1:2104:b", "127.0.0.1:2204:c"],
    "eight hosts": ["graphite-%d.example.com:2004" % i for i in range(8)],
    "eight with instances": ["10.1.0.%d:%d:%s" % (i // 2, 2004 + 100 * (i % 2), "ab"[i % 2])
                             for i in range(8)],
    "eight, other order": ["10.1.0.%d:%d:%s" % (i // 2, 2004 + 100 * (i % 2), "ab"[i % 2])
                           for i in (5, 0, 7, 2, 1, 6, 3, 4)],
    "unique instances": ["10.2.0.%d:2004:%s" % (i, "n%d" % (i * 7 % 5)) for i in range(5)],
}


def random_names(count, rng):
    words = ["servers", "web", "db", "cpu", "load", "disk", "über", "eth0", "p99", "requests"]
    names = set()
    while len(names) < count:
        nodes = [rng.choice(words) + (str(rng.randrange(1000)) if rng.random() < 0.7 else "")
                 for _ in range(rng.randint(1, 6))]
        name = ".".join(nodes)
        if rng.random() < 0.05:
            name += ";dc=%s;rack=%d" % (rng.choice("abc"), rng.randrange(50))
        names.add(name)
    return sorted(names)


class Settings(types.SimpleNamespace):
    def __getitem__(self, key):
        return getattr(self, key)


class HashRingTest(unittest.TestCase):
    driver, names = None, []

    def sample(self, replication, is_diverse):
        return self.names if replication == 2 and is_diverse else self.names[replication::10]

    def ours(self, names, hash_name, flavour, replication, replicas, hosts):
        result = subprocess.run(
            [self.driver, "ring", hash_name, flavour, str(replication), replicas, *hosts],
            input="".join(name + "\n" for name in names), text=True, capture_output=True)
        self.assertEqual(result.returncode, 0, result.stderr)
        return [line.split() for line in result.stdout.splitlines()]

    def compare_carbon(self, router_class, flavour, hash_name):
        for title, hosts in HOSTS.items():
            for replication in (1, 2, 3):
                for diverse in (True, False):
                    router = router_class(Settings(
                        REPLICATION_FACTOR=replication, DIVERSE_REPLICAS=diverse,
                        ROUTER_HASH_TYPE=hash_name))
                    text_of = {}
                    for host in hosts:
                        destination = parseDestination(host)
                        router.addDestination(destination)
                        text_of[destination] = host
                    names = self.sample(replication, diverse)
                    ours = self.ours(names, hash_name, flavour, replication,
                                     "diverse" if diverse else "any", hosts)
                    for name, chosen in zip(names, ours, strict=True):
                        theirs = [text_of[d] for d in router.getDestinations(name)]
                        theirs = list(dict.fromkeys(theirs))  # a single node comes twice
                        self.assertEqual(chosen, theirs, (title, replication, diverse, name))

    def test_murmur_stand_in(self):
        # https://en.wikipedia.org/wiki/MurmurHash#Algorithm and mmh3's README.
        self.assertEqual(murmur3("foo"), -156908512)
        self.assertEqual(murmur3("test") & MASK, 0xBA6BD213)
        self.assertEqual(murmur3("Hello, world!") & MASK, 0xC0363E43)

    def test_carbon_ch(self):
        self.compare_carbon(ConsistentHashingRouter, "carbon", "carbon_ch")

    def test_fnv1a_ch(self):
        self.compare_carbon(ConsistentHashingRouter, "carbon", "fnv1a_ch")

    def test_mmh3_ch(self):
        self.compare_carbon(ConsistentHashingRouter, "carbon", "mmh3_ch")

    def test_fast_hashing(self):
        for hash_name in ("mmh3_ch", "carbon_ch", "fnv1a_ch"):
            self.compare_carbon(FastHashingRouter, "fast", hash_name)

    def compare_carbon_c_relay(self, hash_name):
        # Its test mode hashes tags too, its relay does not: names without tags only. It prints
        # host:port, without the instance.
        for title, hosts in HOSTS.items():
            for replication in (1, 2, 3):
                instances = {host.split(":")[2] for host in hosts if host.count(":") == 2}
                if replication > len(hosts) or (
                        hash_name == "fnv1a_ch" and replication > len(instances) > 0):
                    continue  # the relay looks for another host forever
                with self.subTest(hosts=title, replication=replication):
                    names = [name for name in self.sample(replication, True) if ";" not in name]
                    theirs = self.carbon_c_relay(hash_name, replication, hosts, names)
                    ours = self.ours(names, hash_name, "c-relay", replication, "any", hosts)
                    for name, chosen in zip(names, ours, strict=True):
                        chosen = [":".join(host.split(":")[:2]) for host in chosen]
                        self.assertEqual(chosen, theirs[name], name)

    def carbon_c_relay(self, hash_name, replication, hosts, names):
        members = " ".join(
            host if host.count(":") == 1 else "=".join(host.rsplit(":", 1)) for host in hosts)
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as config:
            config.write("cluster c %s replication %d %s;\nmatch * send to c;\n"
                         % (hash_name, replication, members))
            config.flush()
            result = subprocess.run(["carbon-c-relay", "-t", "-f", config.name],
                                    input="".join(name + "\n" for name in names),
                                    text=True, capture_output=True, errors="replace",
                                    timeout=120)
        # match / "    * -> NAME" / "    carbon_ch(c)" / "        HOST:PORT" ...
        answers, current = {}, None
        for line in result.stdout.splitlines():
            if line.startswith("    * -> "):
                current = answers.setdefault(line[len("    * -> "):], [])
            elif line.startswith("        ") and current is not None:
                current.append(line.strip())
        self.assertEqual(len(answers), len(names), result.stderr)
        return answers

    def test_carbon_c_relay_carbon_ch(self):
        self.compare_carbon_c_relay("carbon_ch")

    def test_carbon_c_relay_fnv1a_ch(self):
        self.compare_carbon_c_relay("fnv1a_ch")

    def test_carbon_c_relay_jump_fnv1a_ch(self):
        self.compare_carbon_c_relay("jump_fnv1a_ch")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("driver")
    parser.add_argument("--names", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    arguments, rest = parser.parse_known_args()
    print("seed", arguments.seed, "names", arguments.names, flush=True)
    HashRingTest.driver = arguments.driver
    HashRingTest.names = random_names(arguments.names, random.Random(arguments.seed))
    unittest.main(argv=[sys.argv[0], *rest])


if __name__ == "__main__":
    main()
