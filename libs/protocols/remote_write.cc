#include "protocols/remote_write.h"

#include <google/protobuf/arena.h>
#include <snappy.h>

#include <array>
#include <cmath>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "foreign/prometheus.pb.h"
#include "protocols/internal/submessages.h"
#include "protocols/tagged_name.h"
#include "protocols/timestamp.h"

namespace plumbago::protocols {
namespace {

// The densest element of snappy's format copies 64 bytes by 3 (format_description.txt of snappy).
constexpr size_t kSnappyRatioMax = 22;

// prometheus/model/value/value.go: StaleNaN.
constexpr uint64_t kStaleMarkerBits = 0x7ff0000000000002;

bool IsStaleMarker(double value) {
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits == kStaleMarkerBits;
}

void BuildName(const foreign::prometheus::TimeSeries& series, TaggedName* name) {
  name->BeginEscaped({});
  for (const foreign::prometheus::Label& label : series.labels()) {
    if (label.name() == "__name__") name->BeginEscaped(label.value());
  }
  for (const foreign::prometheus::Label& label : series.labels()) {
    if (label.name() != "__name__") name->AddTag(label.name(), label.value());
  }
}

RefusalReason ToPoint(const foreign::prometheus::Sample& sample, Point* point) {
  if (IsStaleMarker(sample.value())) return RefusalReason::kStaleMarker;
  if (std::isnan(sample.value())) return RefusalReason::kBadValue;
  point->value = sample.value();
  return TimeFromMillis(static_cast<double>(sample.timestamp()), &point->time_seconds);
}

void HandOn(const foreign::prometheus::TimeSeries& series, uint64_t position, TaggedName* name,
            PointSink& sink) {
  BuildName(series, name);
  for (const foreign::prometheus::Sample& sample : series.samples()) {
    Point point{name->text(), 0, 0, position};
    RefusalReason fault = name->fault();
    if (fault == RefusalReason::kNone) fault = ToPoint(sample, &point);
    if (fault == RefusalReason::kNone) {
      sink.OnPoint(point);
    } else {
      sink.OnRefused({fault, position, name->text()});
    }
  }
  for (int i = 0; i < series.histograms_size(); ++i) {
    sink.OnRefused({RefusalReason::kNativeHistogram, position, name->text()});
  }
}

}  // namespace

absl::Status DecodeRemoteWrite(absl::string_view body, size_t uncompressed_bytes_max,
                               PointSink& sink) {
  const absl::StatusOr<std::string> request = InflateSnappyBlock(body, uncompressed_bytes_max);
  if (request.ok()) return DecodeWriteRequest(*request, sink);
  const RefusalReason reason = absl::IsResourceExhausted(request.status())
                                   ? RefusalReason::kTooLarge
                                   : RefusalReason::kMalformed;
  return RefuseMessage(reason, body, request.status().message(), sink);
}

absl::StatusOr<std::string> InflateSnappyBlock(absl::string_view compressed,
                                               size_t uncompressed_bytes_max) {
  size_t size = 0;
  if (!snappy::GetUncompressedLength(compressed.data(), compressed.size(), &size)) {
    return absl::InvalidArgumentError("the body does not begin as a snappy block");
  }
  if (size > uncompressed_bytes_max) {
    return absl::ResourceExhaustedError(absl::StrCat("the body inflates to ", size,
                                                     " bytes; at most ", uncompressed_bytes_max,
                                                     " are taken: lower max_samples_per_send"));
  }
  if (size > compressed.size() * kSnappyRatioMax) {
    return absl::InvalidArgumentError(absl::StrCat(
        compressed.size(), " bytes of snappy cannot inflate to ", size, ", as their begin says"));
  }
  std::string uncompressed;
  if (!snappy::Uncompress(compressed.data(), compressed.size(), &uncompressed)) {
    return absl::InvalidArgumentError("the body is not a snappy block");
  }
  return uncompressed;
}

absl::Status DecodeWriteRequest(absl::string_view request, PointSink& sink) {
  std::array<char, 16384> first_block;
  google::protobuf::ArenaOptions arena_options;
  arena_options.initial_block = first_block.data();
  arena_options.initial_block_size = first_block.size();
  google::protobuf::Arena arena(arena_options);

  TaggedName name;
  uint64_t position = 0;
  const auto result = internal::ForEachSubmessage(request, 1, [&](absl::string_view bytes) {
    ++position;
    auto* series = google::protobuf::Arena::CreateMessage<foreign::prometheus::TimeSeries>(&arena);
    const bool is_parsed = series->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
    if (is_parsed) HandOn(*series, position, &name, sink);
    arena.Reset();
    return is_parsed;
  });
  if (result == internal::WalkResult::kOk) return absl::OkStatus();
  if (result == internal::WalkResult::kTooLarge) {
    return RefuseMessage(RefusalReason::kTooLarge, request, "one time series is over 1 MiB", sink);
  }
  return RefuseMessage(RefusalReason::kMalformed, request, "not a remote write 1.0 request", sink);
}

}  // namespace plumbago::protocols
