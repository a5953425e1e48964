"""./plumbago bench ingest: points from a TCP socket to whisper files, through all services.

Sends N series for R rounds at full speed and prints points/s, CPU per point of each service and
resident memory. The sender runs on the same machine. Times differ from run to run and machine to
machine; CPU per point is the figure to compare, between builds measured side by side.
"""

import json
import subprocess
import sys
import time

from measure import MIB, argument_parser, harness, wait_for

SCHEMAS = "[bench]\npattern = .*\nretentions = 10s:1h,1m:1d\n"


def parse_arguments():
    parser = argument_parser("ingest", __doc__, series=200_000, rounds=30)
    parser.add_argument("--shards", type=int, default=1, help="shards (default: %(default)s)")
    return parser.parse_args()


def accepted(cluster):
    return sum(cache.metric("plumbago_points_received_total") for cache in cluster.caches)


def stored(cluster):
    return sum(cache.metric("plumbago_cache_points_stored_total") for cache in cluster.caches)


def dropped(cluster):
    return sum(service.metric("plumbago_points_dropped_total") for service in cluster.services)


def measure(cluster, arguments):
    points = arguments.series * arguments.rounds
    cpu_before = {service.name: service.cpu_seconds() for service in cluster.services}
    begin = time.monotonic()
    sender = subprocess.run(
        [str(cluster.bin / "plumbago-loadgen"), "--address", f"127.0.0.1:{cluster.plaintext_port}",
         "--series", str(arguments.series), "--rounds", str(arguments.rounds)],
        check=True, capture_output=True, text=True)
    wait_for(lambda: accepted(cluster), points - dropped(cluster), "accepted")
    accept_seconds = time.monotonic() - begin
    wait_for(lambda: stored(cluster), points - dropped(cluster), "stored")
    store_seconds = time.monotonic() - begin
    services = []
    for service in cluster.services:
        cpu = service.cpu_seconds() - cpu_before[service.name]
        services.append({
            "service": service.name,
            "cpu_us_per_point": cpu * 1e6 / points,
            "resident_mib": service.memory_bytes() / MIB,
            "peak_mib": service.memory_bytes("VmHWM") / MIB,
        })
    return {
        "points": points,
        "series": arguments.series,
        "dropped": int(dropped(cluster)),
        "lost": int(points - dropped(cluster) - stored(cluster)),
        "sent_per_second": json.loads(sender.stdout)["points_per_second"],
        "accepted_per_second": points / accept_seconds,
        "stored_per_second": points / store_seconds,
        "services": services,
    }


def print_table(result):
    print(f"{result['points']} points of {result['series']} series: "
          f"{result['dropped']} dropped, {result['lost']} lost")
    print(f"  accepted by the caches  {result['accepted_per_second']:>12,.0f} points/s")
    print(f"  stored in the files     {result['stored_per_second']:>12,.0f} points/s")
    print(f"\n  {'service':<12}{'CPU us/point':>14}{'resident MiB':>14}{'peak MiB':>12}")
    for one in result["services"]:
        print(f"  {one['service']:<12}{one['cpu_us_per_point']:>14.3f}{one['resident_mib']:>14.1f}"
              f"{one['peak_mib']:>12.1f}")
    path = [one for one in result["services"] if one["service"].split("-")[0] in ("relay", "cache", "store")]
    print(f"  {'whole path':<12}{sum(one['cpu_us_per_point'] for one in path):>14.3f}"
          f"{sum(one['resident_mib'] for one in path):>14.1f}{sum(one['peak_mib'] for one in path):>12.1f}")


def main():
    arguments = parse_arguments()
    with harness.Cluster(arguments.bin, shards=arguments.shards, schemas=SCHEMAS) as cluster:
        result = measure(cluster, arguments)
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        print_table(result)
    if result["lost"] != 0:
        sys.exit(f"{result['lost']} points were lost")


if __name__ == "__main__":
    main()
