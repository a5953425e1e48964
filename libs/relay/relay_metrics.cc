#include "relay/relay_metrics.h"

namespace plumbago::relay {

RelayMetrics::RelayMetrics(base::Metrics& metrics, const std::string& tenant)
    : points_acknowledged(metrics.AddCounter("plumbago_relay_points_acknowledged_total",
                                             "Points that a cache has accepted, once per replica")),
      points_refused_by_cache(metrics.AddCounter(
          "plumbago_relay_points_refused_by_cache_total",
          "Points that a cache had no memory for: they are kept and sent again later")),
      bytes_received(
          metrics.AddCounter("plumbago_relay_bytes_received_total", "Bytes read from clients")),
      batches_sent(
          metrics.AddCounter("plumbago_relay_batches_sent_total", "Batches written to caches")),
      batches_resent(metrics.AddCounter("plumbago_relay_batches_resent_total",
                                        "Batches written again after a broken stream")),
      points_resent(metrics.AddCounter(
          "plumbago_relay_points_resent_total",
          "Points written to a cache again, or taken back from one, after a broken stream: it may "
          "have received so many twice")),
      points_replicated(metrics.AddCounter(
          "plumbago_relay_points_replicated_total",
          "Copies of points beyond the first: for further shards of a replica set, and for further "
          "destinations and aggregations of the rules")),
      points_aggregated(metrics.AddCounter(
          "plumbago_relay_points_aggregated_total",
          "Points that went into an aggregation rule, once per rule; what the rules give comes as "
          "plumbago_points_received_total{protocol=\"internal\"}")),
      dictionary_resets(metrics.AddCounter(
          "plumbago_relay_dictionary_resets_total",
          "Times the names of a reactor were forgotten (full, or the slot map changed)")),
      reads_paused(metrics.AddCounter(
          "plumbago_relay_reads_paused_total",
          "Times the sockets of a reactor were left unread because a cache did not keep up")),
      kernel_drops_udp(metrics.AddCounter(
          "plumbago_relay_udp_datagrams_lost_total",
          "Datagrams that the kernel dropped because the receive buffer was full")),
      connections(metrics.AddGauge("plumbago_relay_connections", "Open connections of senders")),
      unacknowledged_bytes(metrics.AddGauge(
          "plumbago_relay_unacknowledged_bytes",
          "Memory of points that no cache has accepted yet: what a crash of this relay loses")),
      known_series(metrics.AddGauge("plumbago_relay_known_series",
                                    "Names in the dictionaries of all reactors")),
      points_held(metrics.AddGauge(
          "plumbago_relay_points_held",
          "Points in memory: neither accepted by a cache or a foreign destination nor written to a "
          "spool yet")),
      registry_(metrics),
      default_tenant_(tenant) {
  points_received(tenant, Protocol::kPlaintext);
  for (size_t i = 0; i < kDropReasonCount; ++i) {
    dropped(tenant, Protocol::kPlaintext, static_cast<DropReason>(i));
  }
}

base::Counter& RelayMetrics::points_received(const std::string& tenant, Protocol protocol) {
  base::Counter& counter = registry_.AddCounter(
      "plumbago_points_received_total", "Points taken from clients, refused ones included",
      {{"service", "relay"}, {"tenant", tenant}, {"protocol", ProtocolWord(protocol)}});
  base::MutexLock lock(mutex_);
  received_.emplace(&counter, protocol);
  return counter;
}

base::Counter& RelayMetrics::dropped(const std::string& tenant, Protocol protocol,
                                     DropReason reason) {
  base::Counter& counter =
      registry_.AddCounter("plumbago_points_dropped_total", "Points that were not taken, by reason",
                           {{"service", "relay"},
                            {"tenant", tenant},
                            {"protocol", ProtocolWord(protocol)},
                            {"reason", DropReasonWord(reason)}});
  base::MutexLock lock(mutex_);
  dropped_.emplace(&counter, reason);
  return counter;
}

std::array<double, kProtocolCount> RelayMetrics::ReceivedByProtocol() {
  std::array<double, kProtocolCount> sums{};
  base::MutexLock lock(mutex_);
  for (const auto& [counter, protocol] : received_) {
    sums[static_cast<size_t>(protocol)] += counter->Value();
  }
  return sums;
}

std::array<double, kDropReasonCount> RelayMetrics::DroppedByReason() {
  std::array<double, kDropReasonCount> sums{};
  base::MutexLock lock(mutex_);
  for (const auto& [counter, reason] : dropped_) {
    sums[static_cast<size_t>(reason)] += counter->Value();
  }
  return sums;
}

base::Counter& RelayMetrics::shard_points_acknowledged(const std::string& shard) {
  return registry_.AddCounter("plumbago_relay_shard_points_acknowledged_total",
                              "Points that the cache of a shard has accepted", {{"shard", shard}});
}

base::Counter& RelayMetrics::connections_refused(const std::string& reason) {
  return registry_.AddCounter("plumbago_relay_connections_refused_total",
                              "Connections closed at once, by the limit that they were over",
                              {{"reason", reason}});
}

base::Counter& RelayMetrics::connections_closed(Protocol protocol, const std::string& reason) {
  return registry_.AddCounter("plumbago_relay_connections_closed_total",
                              "Connections that the relay closed and not their sender, by reason",
                              {{"protocol", ProtocolWord(protocol)}, {"reason", reason}});
}

}  // namespace plumbago::relay
