#include "protocols/point_sink.h"

#include <array>

#include "absl/strings/str_cat.h"

namespace plumbago::protocols {

const char* RefusalReasonWord(RefusalReason reason) {
  static constexpr std::array<const char*, kRefusalReasonCount> kWords = {
      "none",
      "field_count",
      "bad_value",
      "bad_timestamp",
      "time_out_of_range",
      "line_too_long",
      "name_too_long",
      "no_name",
      "bad_shape",
      "malformed",
      "too_deep",
      "too_large",
      "pickle_class",
      "invalid_tag",
      "label_conflict",
      "stale_marker",
      "native_histogram",
      "unknown_type",
      "bad_sample_rate",
      "too_many_keys",
      "too_many_timer_values",
      "too_many_set_members",
      "unknown_command",
  };
  return kWords[static_cast<size_t>(reason)];
}

RefusalReason ReasonOf(metric::LineFault fault) {
  switch (fault) {
    case metric::LineFault::kNone:
      break;
    case metric::LineFault::kFieldCount:
      return RefusalReason::kFieldCount;
    case metric::LineFault::kBadValue:
      return RefusalReason::kBadValue;
    case metric::LineFault::kBadTimestamp:
      return RefusalReason::kBadTimestamp;
    case metric::LineFault::kTimeOutOfRange:
      return RefusalReason::kTimeOutOfRange;
  }
  return RefusalReason::kNone;
}

absl::Status RefuseMessage(RefusalReason reason, absl::string_view excerpt, absl::string_view what,
                           PointSink& sink) {
  sink.OnRefused({reason, 0, excerpt});
  const std::string message = absl::StrCat(RefusalReasonWord(reason), ": ", what);
  const bool is_limit = reason == RefusalReason::kTooLarge || reason == RefusalReason::kTooDeep;
  return is_limit ? absl::ResourceExhaustedError(message) : absl::InvalidArgumentError(message);
}

}  // namespace plumbago::protocols
