"""./plumbago bench query: what answers cost, beside graphite-web and others over the same files in one run.

Two shards hold N series of 23 hours, one point a minute, and the names of 200,000 more. No system keeps
results; files are in the page cache. Each question is asked several times in turns by curl: the median
of the times, from the request to the last byte, and the CPU that all processes of a system took together.
Peers are graphite-web (Debian's, one process), victoria-metrics (of the PATH or VICTORIA_METRICS; the same
points, asked in MetricsQL), and the pair that CARBONAPI and GO_CARBON name. Values of peers are compared.
"""

import concurrent.futures
import contextlib
import json
import pathlib
import signal
import statistics
import subprocess
import sys
import time

import query_peers
from measure import argument_parser, harness
from query_peers import rows_of

NAME_PREFIX = "bench"
FIND_PATTERN = f"{NAME_PREFIX}.*.*.*.*.values.metric123"
FIND_GOAL_SECONDS = 0.003
DASHBOARDS = 50
SLOW_SECONDS = 3  # who takes longer is asked once
QUERY_FLAGS = ["--series-per-query-max", "200000", "--points-per-query-max", "200000000",
               "--query-memory-max", "8GiB"]


def parse_arguments():
    parser = argument_parser("query", __doc__, series=10_000, rounds=9)
    parser.add_argument("--names", type=int, default=200_000, help="names to find among (default: %(default)s)")
    parser.add_argument("--only-ours", action="store_true", help="no peers")
    parser.add_argument("--full", action="store_true", help="growth up to 100,000 series (2 GB of files)")
    parser.add_argument("--quick", action="store_true", help="a tenth of series and names, 3 rounds")
    parser.add_argument("--query-flag", action="append", default=[], help="of plumbago-query, repeatable")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.series //= 10
        arguments.names //= 10
        arguments.rounds = 3
    return arguments


def progress(text):
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


# ---- data ---------------------------------------------------------------------------------------


def trees_of(cluster):
    return [store.data_dir / "whisper" / "default" for store in cluster.stores]


def fill(cluster, prefix, count, points, end):
    progress(f"writing {count} {'files' if points else 'names'}: {prefix}")
    subprocess.run([str(cluster.bin / "query_bench_fill"), str(cluster.stores[0].data_dir / "snapshot.pb"),
                    prefix, str(count), str(points), str(end), *map(str, trees_of(cluster))], check=True)


def growth_sizes(arguments):
    sizes = [arguments.series // 10, arguments.series]
    return sizes + [arguments.series * 10] if arguments.full else sizes


def growth_prefix(size, arguments):
    return "load" if size == arguments.series else f"load{size}"


@contextlib.contextmanager
def filled_cluster(arguments, end):
    cluster = harness.Cluster(arguments.bin, shards=2, query_flags=[*QUERY_FLAGS, *arguments.query_flag])
    try:
        # The files go where the slots are, which the controller says.
        for service in (cluster.controller, cluster.stores[0]):
            service.start().wait_ready()
        snapshot = cluster.stores[0].data_dir / "snapshot.pb"
        harness.wait_until(snapshot.exists, "the store has a snapshot")
        for service in (cluster.stores[0], cluster.controller):
            service.stop()
        for size in growth_sizes(arguments):
            fill(cluster, growth_prefix(size, arguments), size, 1440, end)
        fill(cluster, NAME_PREFIX, arguments.names, 0, end)
        for store in cluster.stores:
            store.flags.append("--rebuild-index")
        cluster.start()
        yield cluster
    finally:
        progress("removing the files")
        cluster.__exit__(None, None, None)


# ---- measurements ---------------------------------------------------------------------------------


def ask(url):
    """Seconds from the request to the last byte."""
    answer = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{time_total} %{http_code}", url],
                            check=True, capture_output=True, text=True)
    seconds, code = answer.stdout.split()
    if code != "200":
        sys.exit(f"{code} for {url}: {harness.http(url, timeout=120)[2][:500]!r}")
    return float(seconds)


def cpu_seconds(system):
    return sum(harness.cpu_seconds(pid) for pid in system.pids)


def measure(systems, url_of, rounds):
    """{system: figures}; the systems take turns, after one that does not count but for slow ones."""
    seconds = {system.name: [] for system in systems}
    cpu = {system.name: [] for system in systems}
    for turn in range(rounds + 1):
        for system in systems:
            if seconds[system.name] and seconds[system.name][0] > SLOW_SECONDS:
                continue
            before = cpu_seconds(system)
            taken = ask(url_of(system))
            if turn == 0 and taken <= SLOW_SECONDS:
                continue
            seconds[system.name].append(taken)
            cpu[system.name].append(cpu_seconds(system) - before)
    return {system.name: {"seconds": statistics.median(seconds[system.name]),
                          "least_seconds": min(seconds[system.name]),
                          "cpu_seconds": statistics.mean(cpu[system.name])} for system in systems}


def body_of(url):
    status, _, body = harness.http(url, timeout=120)
    if status != 200:
        sys.exit(f"{status} for {url}: {body[:500]!r}")
    return body


def is_near(ours, theirs):
    return len(ours) == len(theirs) and all(abs(a - b) <= 1e-9 * max(abs(a), abs(b), 1)
                                            for a, b in zip(ours, theirs))


def compare_answers(systems, row):
    """How peers differ from the first system at the end of the range, as {name: text}."""
    answers = {system.name: system.last_values(body_of(system.row_url(row)))
               for system in systems}
    (count, values), *_ = answers.values()
    if not values:
        sys.exit(f"{row.name}: no values in our answer")
    return {name: f"{len(theirs)} of {their_count} values, ours are {len(values)} of {count}"
            for name, (their_count, theirs) in answers.items()
            if their_count != count or (row.is_exact and not is_near(values, theirs))}


def measure_rows(systems, arguments):
    results = []
    for row in rows_of("load"):
        progress(f"{row.name}: {', '.join(system.name for system in systems)}")
        results.append({"row": row.name, "goal": row.goal, "differs": compare_answers(systems, row),
                        "systems": measure(systems, lambda system, row=row: system.row_url(row),
                                           arguments.rounds)})
    progress(f"find among {arguments.names} names")
    found = {system.name: len(json.loads(body_of(system.find_url(FIND_PATTERN)))["metrics"])
             for system in systems}
    expected = arguments.names // 200
    results.append({"row": "find", "goal": FIND_GOAL_SECONDS,
                    "differs": {name: f"{count} nodes instead of {expected}" for name, count in found.items()
                                if count != expected},
                    "systems": measure(systems, lambda system: system.find_url(FIND_PATTERN),
                                       arguments.rounds)})
    return results


def measure_growth(ours, arguments):
    results = []
    for size in growth_sizes(arguments):
        progress(f"growth: {size} series")
        sums, _, tenth, _ = rows_of(growth_prefix(size, arguments))
        results.append({"series": size, **{
            name: measure([ours], lambda system, row=row: system.row_url(row), 3)[ours.name]["seconds"]
            for name, row in (("sum", sums), ("tenth", tenth))}})
    return results


def panels():
    """Of one dashboard: what panels ask for mostly, a few lines each."""
    service = "load.dc0.rack0.host0.service0.values"
    return [f"sumSeries({service}.*)", f"{service}.metric1?", f"aliasByNode({service}.metric2?,6)",
            f"averageSeries({service}.metric[3-5]?)", f"maxSeries({service}.*)",
            f"movingAverage({service}.metric6?,10)", f"highestAverage({service}.*,5)",
            f"scale({service}.metric7,8)"]


def one_dashboard(urls, rounds, directory, number):
    """A viewer: the panels one after the other over one connection, again and again."""
    config = directory / f"dashboard-{number}"
    config.write_text("".join(f'url = "{url}"\noutput = "/dev/null"\n' for url in urls * rounds))
    answer = subprocess.run(["curl", "-s", "-K", str(config), "-w", "%{time_total} %{http_code}\n"],
                            check=True, capture_output=True, text=True)
    lines = [line.split() for line in answer.stdout.splitlines()]
    return [float(seconds) for seconds, code in lines if code == "200"], len(lines)


def measure_dashboards(ours, arguments, directory):
    progress(f"{DASHBOARDS} dashboards at a time")
    urls = [ours.render_url(target, points_max=600) for target in panels()]
    before, begin = cpu_seconds(ours), time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(DASHBOARDS) as pool:
        answers = list(pool.map(lambda number: one_dashboard(urls, arguments.rounds, directory, number),
                                range(DASHBOARDS)))
    elapsed = time.monotonic() - begin
    times = sorted(seconds for good, _ in answers for seconds in good)
    asked = sum(count for _, count in answers)
    return {"dashboards": DASHBOARDS, "panels": asked, "failed": asked - len(times),
            "p50": times[len(times) // 2], "p99": times[len(times) * 99 // 100],
            "per_second": len(times) / elapsed, "cpu_ms": (cpu_seconds(ours) - before) * 1e3 / asked}


# ---- output -----------------------------------------------------------------------------------------


def print_rows(result):
    names = list(result["rows"][0]["systems"])
    print(f"{result['series']} series x 23 h x 60 s, {result['names']} further names; milliseconds by the clock "
          f"(CPU of all its processes)\n")
    print(f"  {'':<31}{'goal':>7}" + "".join(f"{name:>24}" for name in names) + f"{'best peer / ours':>18}")
    for row in result["rows"]:
        cells = "".join("{:>24}".format(f"{one['seconds'] * 1e3:,.1f} ({one['cpu_seconds'] * 1e3:,.0f})")
                        for one in row["systems"].values())
        ours, *peers = (one["seconds"] for one in row["systems"].values())
        ratio = f"{min(peers) / ours:.1f}" if peers else "-"
        print(f"  {row['row']:<31}{row['goal'] * 1e3:>7.0f}{cells}{ratio:>18}")
    for row in result["rows"]:
        for name, text in row["differs"].items():
            print(f"  {row['row']}: {name} answers differently: {text}")


def print_rest(result):
    print(f"\n  {'series':>10}{'sumSeries of all, ms':>24}{'a tenth as JSON, ms':>24}")
    for one in result["growth"]:
        print(f"  {one['series']:>10}{one['sum'] * 1e3:>24,.1f}{one['tenth'] * 1e3:>24,.1f}")
    load = result["dashboards"]
    print(f"\n  {load['dashboards']} dashboards at a time: {load['panels']} panels, {load['failed']} failed, "
          f"p50 {load['p50'] * 1e3:.1f} ms, p99 {load['p99'] * 1e3:.1f} ms, {load['per_second']:.0f} panels/s, "
          f"{load['cpu_ms']:.2f} ms CPU each")


def start_peers(stack, trees, end, arguments):
    peers = []
    if arguments.only_ours:
        return peers
    for name, start in (("graphite-web", lambda: query_peers.graphite_web(trees, end)),
                        ("victoria-metrics", lambda: query_peers.victoria_metrics(trees, end, ("load",), NAME_PREFIX)),
                        ("carbonapi with go-carbon", lambda: query_peers.carbonapi_pair(trees, end))):
        progress(f"starting {name}")
        peer = start()
        if peer is None:
            progress(f"{name} is not installed or not named")
        else:
            stack.callback(peer.stop)
            peers.append(peer)
    return peers


def main():
    arguments = parse_arguments()
    end = int(time.time()) // 60 * 60
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))  # and cleans up
    with contextlib.ExitStack() as stack:
        cluster = stack.enter_context(filled_cluster(arguments, end))
        ours = query_peers.Graphite("plumbago", f"http://127.0.0.1:{cluster.http_port}", end,
                                    lambda: [service.process.pid for service in cluster.services])
        systems = [ours, *start_peers(stack, trees_of(cluster), end, arguments)]
        result = {"series": arguments.series, "names": arguments.names,
                  "rows": measure_rows(systems, arguments),
                  "growth": measure_growth(ours, arguments),
                  "dashboards": measure_dashboards(ours, arguments, pathlib.Path(cluster.directory))}
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        print_rows(result)
        print_rest(result)
    if result["dashboards"]["failed"]:
        sys.exit(f"{result['dashboards']['failed']} panels were not answered")


if __name__ == "__main__":
    main()
