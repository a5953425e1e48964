// The counters of a relay, by reason and tenant. Thread-safe; the objects live as long as Metrics.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/metrics.h"
#include "metric/line_parser.h"
#include "metric/metric_name.h"

namespace plumbago::relay {

// Why a point was not taken. The words are label values: never change one.
enum class DropReason : uint8_t {
  kFieldCount,
  kBadValue,
  kBadTimestamp,
  kTimeOutOfRange,
  kLineTooLong,
  kEmptyName,
  kNameTooLong,
  kEmptyNode,
  kSlashInName,
  kControlByte,
  kInvalidUtf8,
  kInvalidTag,
  kTenantRefused,  // suspended, deleting or unknown
  kNoActiveShard,  // every shard of the slot is excluded
  kSpoolFull,      // the shard is down, memory and spool are full, and the sender cannot wait
  kSpoolDamaged,   // its name was in a damaged part of a spool
  kReasonCount
};
inline constexpr size_t kDropReasonCount = static_cast<size_t>(DropReason::kReasonCount);

const char* DropReasonWord(DropReason reason);
DropReason ReasonOf(metric::LineFault fault);  // not kNone
DropReason ReasonOf(metric::NameFault fault);  // not kNone

class RelayMetrics {
 public:
  // `tenant` is the label of the points of this relay.
  RelayMetrics(base::Metrics& metrics, const std::string& tenant);

  base::Counter& points_received;
  base::Counter& points_acknowledged;
  base::Counter& bytes_received;
  base::Counter& batches_sent;
  base::Counter& batches_resent;
  base::Counter& dictionary_resets;
  base::Counter& reads_paused;
  base::Counter& kernel_drops_udp;
  base::Counter& connections_refused;
  base::Gauge& connections;
  base::Gauge& unacknowledged_bytes;
  base::Gauge& known_series;
  base::Counter& dropped(DropReason reason) { return *dropped_[static_cast<size_t>(reason)]; }

 private:
  std::array<base::Counter*, kDropReasonCount> dropped_;
};

}  // namespace plumbago::relay
