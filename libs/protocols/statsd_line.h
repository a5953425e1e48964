// StatsD's lines: `key:value|type[|@rate][|#tag:value,...]`, with several values as `key:1|c:2|c`.
//
// Source of the rules: stats.js and lib/helpers.js of statsd 0.9.0
// (https://github.com/statsd/statsd), with its key sanitising: runs of blanks become '_', '/'
// becomes '-', and what is not a letter, a digit or one of _-.;= is left out. Tags behind "|#"
// (DogStatsD) become Graphite tags. Stricter on purpose: an unknown type is refused (statsd counts
// it), a rate has to be above 0, a value decimal and finite. More lenient: h and d are timers.
// Pure, thread-safe, bounded by the line.
#pragma once

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "protocols/point_sink.h"

namespace plumbago::protocols {

enum class StatsdType : uint8_t { kCounter, kGauge, kTimer, kSet };

struct StatsdSample {
  absl::string_view key;  // sanitised; valid during the call only
  StatsdType type = StatsdType::kCounter;
  double value = 0;             // not for sets
  absl::string_view member;     // for sets, as it came; "0" where it was empty
  bool is_gauge_delta = false;  // the value of a gauge had a sign
  double sample_rate = 1;       // above 0
};

// One line without its newline. Calls `on_sample` for each good value and `on_refused` for each bad
// one, in order; an unusable line counts as one bad value, and an empty line as nothing.
void ParseStatsdLine(absl::string_view line, absl::FunctionRef<void(const StatsdSample&)> on_sample,
                     absl::FunctionRef<void(RefusalReason)> on_refused);

}  // namespace plumbago::protocols
