#include "relay/spool_metrics.h"

#include "absl/strings/str_cat.h"

namespace plumbago::relay {
namespace {

// The metrics of one destination.
class Family {
 public:
  Family(base::Metrics& metrics, const SpoolDestination& destination)
      : metrics_(metrics),
        is_shard_(destination.kind() == SpoolDestination::Kind::kShard),
        name_(destination.name()) {}

  base::Gauge& AddGauge(absl::string_view what, const std::string& help) {
    return metrics_.AddGauge(Name(what), help, Labels());
  }
  base::Counter& AddCounter(absl::string_view what, const std::string& help) {
    return metrics_.AddCounter(Name(what), help, Labels());
  }
  base::Gauge& AddState(const char* word) {
    base::Labels labels = Labels();
    labels["state"] = word;
    return metrics_.AddGauge(
        is_shard_ ? "plumbago_relay_shard_state" : "plumbago_relay_destination_state",
        "1 for the state that it is in, as this relay sees it", labels);
  }
  bool is_shard() const { return is_shard_; }

 private:
  std::string Name(absl::string_view what) const {
    return absl::StrCat("plumbago_relay_", is_shard_ ? "" : "destination_", what);
  }
  base::Labels Labels() const { return {{is_shard_ ? "shard" : "destination", name_}}; }

  base::Metrics& metrics_;
  const bool is_shard_;
  const std::string name_;
};

SpoolMetrics MakeMetrics(Family& family) {
  return {
      .bytes = family.AddGauge("spool_bytes", "Bytes of its spool on the disk"),
      .segments = family.AddGauge("spool_segments", "Files of its spool"),
      .oldest_age_seconds = family.AddGauge(
          "spool_oldest_age_seconds",
          "Seconds since the arrival of the oldest point in its spool; 0 while it is empty"),
      .points_spooled = family.AddCounter("points_spooled_total", "Points written to its spool"),
      .points_replayed = family.AddCounter("points_replayed_total",
                                           "Points of its spool that it, or the shard that they "
                                           "belong to by now, has accepted; some "
                                           "twice after an interruption"),
      .points_rerouted = family.AddCounter(
          "points_rerouted_total",
          "Points of its spool that were given to the spools of their new owners"),
      .segments_damaged = family.AddCounter("spool_segments_damaged_total",
                                            "Files of its spool that were set aside as *.damaged"),
      .write_failures = family.AddCounter("spool_write_failures_total",
                                          "Batches that could not be written at the first attempt"),
      .states = {}};
}

}  // namespace

SpoolMetrics SpoolMetrics::Make(base::Metrics& metrics, const SpoolDestination& destination) {
  static constexpr std::array<const char*, kSpoolStateCount> kWords = {"up", "down", "replaying",
                                                                       "not_configured"};
  Family family(metrics, destination);
  SpoolMetrics made = MakeMetrics(family);
  for (size_t i = 0; i < kSpoolStateCount; ++i) {
    const bool can_be =
        static_cast<SpoolState>(i) != SpoolState::kNotConfigured || !family.is_shard();
    if (can_be) made.states[i] = &family.AddState(kWords[i]);
  }
  return made;
}

void SpoolMetrics::SetState(SpoolState state) {
  for (size_t i = 0; i < kSpoolStateCount; ++i) {
    if (states[i] != nullptr) states[i]->Set(i == static_cast<size_t>(state) ? 1 : 0);
  }
}

}  // namespace plumbago::relay
