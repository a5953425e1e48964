"""What Python's pickle writes, in all its protocols, is read as carbon reads it.

    pickle_differential_test.py DRIVER [--messages N] [--seed S]

Random messages of points (and of elements that are none) are pickled with Python's own pickler, C and
Python version, and read by libs/protocols. The expectation is carbon's receiver
(carbon/lib/carbon/protocols.py, MetricPickleReceiver): unpack, float(), skip what fails.
"""

import argparse
import io
import math
import os
import pickle
import random
import struct
import subprocess
import sys

NOW = 1700000000
TIME_MAX = 2**32 - 1


def random_name(rng, shared):
    letters = rng.choice(["abc.", "a\\'\"\n\t\x00 .", "é€😀.", "a.\u0100\ud7ff"])
    name = "".join(rng.choice(letters) for _ in range(rng.choice([1, 5, 30, 300])))
    return rng.choice(shared) if shared and rng.random() < 0.3 else name


def random_number(rng):
    return rng.choice([
        lambda: rng.randint(-10, 300),
        lambda: rng.randint(-2**33, 2**33),
        lambda: rng.randint(-2**70, 2**70),
        lambda: rng.choice([-1, 1]) * (2**64 + rng.choice([0, 2**11, 2**11 + 1, 3 * 2**11])),
        lambda: 10**rng.randint(0, 320),
        lambda: rng.uniform(-1e3, 1e3),
        lambda: struct.unpack("d", rng.randbytes(8))[0],
        lambda: rng.choice([0.0, -0.0, math.inf, -math.inf, True, False]),
        lambda: rng.choice(["1.5", " 7 ", "-3e2", "1e400", str(rng.uniform(0, 1))]),
    ])()


def random_time(rng):
    return rng.choice([
        lambda: rng.randint(1, TIME_MAX),
        lambda: rng.uniform(1, TIME_MAX),
        lambda: str(rng.randint(1, TIME_MAX)),
        lambda: rng.choice([-1, -1.5, 0, TIME_MAX, TIME_MAX + 1, TIME_MAX + 0.5, -7, 2**80]),
    ])()


def random_element(rng, shared):
    if rng.random() < 0.1:
        return rng.choice([None, 7, "text", (), ("a",), ("a", 5), ("a", (1,)), ("a", (1, 2, 3)),
                           (7, (1, 2)), ("a", ("x", 1)), ("a", (1, "x")), ("a", (1, None)),
                           {"a": (1, 2)}, [[1], {2: [3]}], ("a", (5, {})), ("a", (5, math.nan))])
    name = random_name(rng, shared)
    shared.append(name)
    sequence = rng.choice([tuple, tuple, list])
    return sequence([name, sequence([random_time(rng), random_number(rng)])])


def to_float(value):
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def expected_line(element, position):
    """What the driver prints for an element: carbon's rules, and ours on time and names."""
    if not isinstance(element, (tuple, list)) or len(element) < 2:
        return f"refused bad_shape {position}"
    name, pair = element
    if not isinstance(name, str):
        return f"refused bad_shape {position}"
    encoded = name.encode()
    if len(encoded) > 1024:
        return f"refused name_too_long {position}"
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        return f"refused bad_shape {position}"
    time, value = map(to_float, pair)
    if time is None or math.isnan(time):
        return f"refused bad_timestamp {position}"
    if value is None or math.isnan(value):
        return f"refused bad_value {position}"
    if not math.isinf(time) and math.trunc(time) == -1:
        time = NOW
    if math.isinf(time) or not 1 <= math.trunc(time) <= TIME_MAX:
        return f"refused time_out_of_range {position}"
    bits = struct.pack(">d", value).hex()
    return f"point {encoded.hex()} {math.trunc(time)} {bits}"


def pickled(rng, message, protocol):
    if rng.random() < 0.8:
        return pickle.dumps(message, protocol)
    out = io.BytesIO()
    pickle._Pickler(out, protocol).dump(message)  # the one written in Python: other PUTs
    return out.getvalue()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("driver")
    parser.add_argument("--messages", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    arguments = parser.parse_args()
    print("seed", arguments.seed)
    rng = random.Random(arguments.seed)

    frames, expected = [], []
    for _ in range(arguments.messages):
        shared = []
        elements = [random_element(rng, shared) for _ in range(rng.choice([0, 1, 2, 5, 20]))]
        if elements and rng.random() < 0.3:
            elements += rng.choices(elements, k=5)  # the same objects again: memo
        protocol = rng.randint(0, pickle.HIGHEST_PROTOCOL)
        payload = pickled(rng, rng.choice([list, tuple])(elements), protocol)
        frames.append(struct.pack(">I", len(payload)) + payload)
        expected.append([expected_line(e, i) for i, e in enumerate(elements, 1)] + ["end"])

    result = subprocess.run([arguments.driver], input=b"".join(frames), capture_output=True)
    lines = iter(result.stdout.decode().splitlines())
    for number, wanted in enumerate(expected):
        for position, line in enumerate(wanted, 1):
            got = next(lines, "nothing")
            if got != line:
                sys.exit(f"message {number}, line {position}: expected {line!r}, got {got!r}\n"
                         f"payload {frames[number][4:]!r}")
    if result.returncode != 0 or next(lines, None) is not None:
        sys.exit(f"the driver ended with {result.returncode}, or printed more than expected")
    print(f"{arguments.messages} messages, {sum(map(len, expected)) - len(expected)} elements: equal")


if __name__ == "__main__":
    main()
