#include "relay_flags.h"

namespace plumbago::relay {

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
  line.AddBytes("--in-flight-max", flags.relay.reactor.router.in_flight_bytes_max,
                "Memory of points that a shard has not accepted, per reactor; at the bound sockets "
                "are left unread (plumbago_relay_unacknowledged_bytes)");
  line.AddBytes("--dictionary-max", flags.relay.reactor.router.dictionary_bytes_max,
                "Memory of known names, per reactor; at the bound all are forgotten and learnt "
                "again (plumbago_relay_dictionary_resets_total)");
}

}  // namespace plumbago::relay
