// What fuzz targets have in common: a way to fail, points that are checked as they come, and pieces
// of an input whose sizes the input itself decides.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "protocols/point_sink.h"

// Ends the process where `condition` does not hold, so that libFuzzer keeps the input.
#define FUZZ_CHECK(condition)                                                             \
  do {                                                                                    \
    if (!(condition)) {                                                                   \
      std::fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                       \
    }                                                                                     \
  } while (false)

namespace plumbago::fuzz {

inline absl::string_view View(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Takes what decoders promise of a point, and writes down everything for comparison.
class CheckingSink final : public protocols::PointSink {
 public:
  explicit CheckingSink(size_t name_bytes_max) : name_bytes_max_(name_bytes_max) {}

  void OnPoint(const protocols::Point& point) override {
    FUZZ_CHECK(!std::isnan(point.value));
    FUZZ_CHECK(point.time_seconds > 0);
    FUZZ_CHECK(point.metric.size() <= name_bytes_max_);
    ++point_count_;
    if (log_.size() < kLogBytesMax) {
      absl::StrAppendFormat(&log_, "%s %.17g %u\n", point.metric, point.value, point.time_seconds);
    }
  }
  void OnRefused(const protocols::Refusal& refusal) override {
    FUZZ_CHECK(refusal.reason != protocols::RefusalReason::kNone);
    FUZZ_CHECK(refusal.reason < protocols::RefusalReason::kReasonCount);
    ++refusal_count_;
    if (refusal.position == 0) ++whole_refusal_count_;
    if (log_.size() < kLogBytesMax) {
      absl::StrAppendFormat(&log_, "refused %s\n", protocols::RefusalReasonWord(refusal.reason));
    }
  }

  // A whole message is refused exactly where its status is not OK.
  void CheckStatus(const absl::Status& status) const {
    FUZZ_CHECK(whole_refusal_count_ == (status.ok() ? 0 : 1));
  }

  size_t point_count() const { return point_count_; }
  size_t refusal_count() const { return refusal_count_; }
  const std::string& log() const { return log_; }

 private:
  static constexpr size_t kLogBytesMax = size_t{1} << 20;

  const size_t name_bytes_max_;
  size_t point_count_ = 0;
  size_t refusal_count_ = 0;
  size_t whole_refusal_count_ = 0;
  std::string log_;
};

// Calls `on_piece` with `text` in pieces of 1 to 64 bytes, which depend on `seed` and the text.
inline void CutIntoPieces(absl::string_view text, uint32_t seed,
                          absl::FunctionRef<void(absl::string_view)> on_piece) {
  while (!text.empty()) {
    seed = seed * 1664525 + 1013904223 + static_cast<uint8_t>(text.front());
    const absl::string_view piece = text.substr(0, 1 + (seed >> 16) % 64);
    on_piece(piece);
    text.remove_prefix(piece.size());
  }
}

}  // namespace plumbago::fuzz
