#include "relay_flags.h"

namespace plumbago::relay {

namespace {

void AddSpoolFlags(service::CommandLine& line, RelayOptions& options) {
  line.Add("--spool-dir", options.spool.directory,
           "Directory for the points of shards that are down or slow; empty is <data-dir>/spool");
  line.AddBytes("--spool-bytes-max", options.spool.bytes_max,
                "Disk for the points of one shard (plumbago_relay_spool_bytes); at the bound TCP "
                "sockets are left unread, and UDP points refused as spool_full. 0: no spool");
  line.Add("--spool-replay-rate", options.spool.replay.points_per_second,
           "Points per second that a shard is given from its spool beside live traffic "
           "(plumbago_relay_points_replayed_total)")
      ->check(CLI::Range(1.0, 1e9));
  line.AddBytes("--spool-disk-free-min", options.spool.disk_free_bytes_min,
                "Nothing is spooled while the disk has less free space");
  line.AddDuration("--shard-stall-timeout", options.reactor.router.stall_timeout,
                   "A shard that has points to accept and accepts none for so long counts as down "
                   "(plumbago_relay_shard_state); shorter loses less when the relay is killed");
}

}  // namespace

void AddFlags(service::CommandLine& line, RelayFlags& flags) {
  service::AddCommonFlags(line, flags.common);
  line.Add("--controller", flags.controller, "gRPC address of the tenant-controller, host:port");
  line.Add("--plaintext-tcp", flags.relay.plaintext_tcp,
           "Address for plaintext lines over TCP, host:port");
  line.Add("--plaintext-udp", flags.relay.plaintext_udp,
           "Address for plaintext lines over UDP, host:port");
  line.AddSwitch("--allow-unauthenticated", flags.relay.allow_unauthenticated,
                 "Accept listeners beyond loopback although senders are not authenticated");
  line.Add("--default-tenant", flags.relay.reactor.router.tenant, "Tenant of all points");
  line.Add("--reactors", flags.relay.reactor_count, "Threads that read sockets; 0 is one per core")
      ->check(CLI::Range(0, 256));
  line.Add("--connections-max", flags.relay.reactor.connections_max,
           "TCP connections of a reactor; further ones are closed at once "
           "(plumbago_relay_connections_refused_total)");
  line.Add("--batch-points-max", flags.relay.reactor.router.batch_points_max,
           "Points in a batch to a cache; more costs memory and delay, fewer cost CPU")
      ->check(CLI::Range(size_t{1}, kBatchPointsMax));
  line.AddDuration("--batch-delay", flags.relay.reactor.router.batch_delay,
                   "Longest time that a point waits for its batch to fill");
  line.AddBytes(
      "--in-flight-max", flags.relay.in_flight_bytes_max,
      "Memory of points that are neither accepted by a shard nor in a spool, which a kill "
      "of the relay loses: of the whole process, at least 512KiB per shard and reactor "
      "(plumbago_relay_unacknowledged_bytes)");
  AddSpoolFlags(line, flags.relay);
  line.AddBytes("--dictionary-max", flags.relay.reactor.router.dictionary_bytes_max,
                "Memory of known names, per reactor; at the bound all are forgotten and learnt "
                "again (plumbago_relay_dictionary_resets_total)");
}

}  // namespace plumbago::relay
