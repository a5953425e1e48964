#include "relay/relay_metrics.h"

#include "base/check.h"

namespace plumbago::relay {

const char* DropReasonWord(DropReason reason) {
  static constexpr std::array<const char*, kDropReasonCount> kWords = {
      "field_count",    "bad_value",       "bad_timestamp", "time_out_of_range",
      "line_too_long",  "empty_name",      "name_too_long", "empty_node",
      "slash_in_name",  "control_byte",    "invalid_utf8",  "invalid_tag",
      "tenant_refused", "no_active_shard", "spool_full",    "spool_damaged"};
  return kWords[static_cast<size_t>(reason)];
}

DropReason ReasonOf(metric::LineFault fault) {
  switch (fault) {
    case metric::LineFault::kFieldCount:
      return DropReason::kFieldCount;
    case metric::LineFault::kBadValue:
      return DropReason::kBadValue;
    case metric::LineFault::kBadTimestamp:
      return DropReason::kBadTimestamp;
    case metric::LineFault::kTimeOutOfRange:
      return DropReason::kTimeOutOfRange;
    case metric::LineFault::kNone:
      break;
  }
  base::CheckFailed(__FILE__, __LINE__, "a fault has a reason");
}

DropReason ReasonOf(metric::NameFault fault) {
  switch (fault) {
    case metric::NameFault::kEmpty:
      return DropReason::kEmptyName;
    case metric::NameFault::kTooLong:
      return DropReason::kNameTooLong;
    case metric::NameFault::kEmptyNode:
      return DropReason::kEmptyNode;
    case metric::NameFault::kSlash:
      return DropReason::kSlashInName;
    case metric::NameFault::kControlByte:
      return DropReason::kControlByte;
    case metric::NameFault::kInvalidUtf8:
      return DropReason::kInvalidUtf8;
    case metric::NameFault::kInvalidTag:
      return DropReason::kInvalidTag;
    case metric::NameFault::kNone:
      break;
  }
  base::CheckFailed(__FILE__, __LINE__, "a fault has a reason");
}

RelayMetrics::RelayMetrics(base::Metrics& metrics, const std::string& tenant)
    : points_received(metrics.AddCounter("plumbago_points_received_total",
                                         "Points taken from clients, refused ones included",
                                         {{"service", "relay"}, {"tenant", tenant}})),
      points_acknowledged(metrics.AddCounter("plumbago_relay_points_acknowledged_total",
                                             "Points that a cache has accepted, once per replica")),
      bytes_received(
          metrics.AddCounter("plumbago_relay_bytes_received_total", "Bytes read from clients")),
      batches_sent(
          metrics.AddCounter("plumbago_relay_batches_sent_total", "Batches written to caches")),
      batches_resent(metrics.AddCounter("plumbago_relay_batches_resent_total",
                                        "Batches written again after a broken stream")),
      dictionary_resets(metrics.AddCounter(
          "plumbago_relay_dictionary_resets_total",
          "Times the names of a reactor were forgotten (full, or the slot map changed)")),
      reads_paused(metrics.AddCounter(
          "plumbago_relay_reads_paused_total",
          "Times the sockets of a reactor were left unread because a cache did not keep up")),
      kernel_drops_udp(metrics.AddCounter(
          "plumbago_relay_udp_datagrams_lost_total",
          "Datagrams that the kernel dropped because the receive buffer was full")),
      connections_refused(metrics.AddCounter("plumbago_relay_connections_refused_total",
                                             "Connections closed at once because of "
                                             "--connections-max")),
      connections(metrics.AddGauge("plumbago_relay_connections", "Open TCP connections")),
      unacknowledged_bytes(metrics.AddGauge(
          "plumbago_relay_unacknowledged_bytes",
          "Memory of points that no cache has accepted yet: what a crash of this relay loses")),
      known_series(metrics.AddGauge("plumbago_relay_known_series",
                                    "Names in the dictionaries of all reactors")) {
  for (size_t i = 0; i < kDropReasonCount; ++i) {
    dropped_[i] = &metrics.AddCounter("plumbago_points_dropped_total",
                                      "Points that were not taken, by reason",
                                      {{"service", "relay"},
                                       {"tenant", tenant},
                                       {"reason", DropReasonWord(static_cast<DropReason>(i))}});
  }
}

}  // namespace plumbago::relay
