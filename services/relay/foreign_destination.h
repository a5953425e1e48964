// What all streams to one foreign destination share: its counters, and its lines in the log, one
// when an outage begins and one when it ends. Thread-safe; lives as long as ForeignSenders.
#pragma once

#include <atomic>
#include <string>

#include "absl/strings/string_view.h"
#include "base/metrics.h"

namespace plumbago::relay {

class ForeignDestination {
 public:
  // `name` is the label `destination`, as that of its spool (relay/spool_destination.h). `held`
  // counts the points of all destinations that are in memory.
  ForeignDestination(base::Metrics& metrics, base::Gauge& held, const std::string& name);

  // So many points, and their memory, wait for the destination from here on.
  void OnQueued(size_t point_count, size_t byte_count);
  // They do not any more: accepted, or given back.
  void OnLeft(size_t point_count, size_t byte_count);

  void OnFailure(absl::string_view why);
  void OnAccepted(size_t point_count);
  // The protocol has no way to write so many points.
  void OnNotWritable(uint64_t point_count);
  // The peer said something, which carbon's protocols have no answers for.
  void OnAnswer(absl::string_view text);

  const std::string& name() const { return name_; }

  base::Counter& points_sent;
  base::Gauge& connections;
  base::Counter& connects;
  base::Counter& resent_batches;
  base::Gauge& queued_bytes;  // changed by OnQueued and OnLeft alone

 private:
  const std::string name_;
  base::Gauge& points_held_;
  base::Counter& failures_;
  base::Counter& points_not_writable_;
  std::atomic<bool> is_failing_{false};
  std::atomic<bool> has_logged_answer_{false};
  std::atomic<bool> has_logged_not_writable_{false};
};

}  // namespace plumbago::relay
