#include "protocols/carbon_protobuf.h"

#include <google/protobuf/arena.h>

#include <array>
#include <cmath>

#include "foreign/carbon.pb.h"
#include "metric/metric_name.h"
#include "protocols/internal/submessages.h"

namespace plumbago::protocols {
namespace {

RefusalReason FaultOf(absl::string_view metric, const foreign::carbon::Point& point) {
  if (metric.empty()) return RefusalReason::kNoName;
  if (metric.size() > metric::kMetricBytesMax) return RefusalReason::kNameTooLong;
  if (std::isnan(point.value())) return RefusalReason::kBadValue;
  if (point.timestamp() == 0) return RefusalReason::kTimeOutOfRange;
  return RefusalReason::kNone;
}

void HandOn(const foreign::carbon::Metric& metric, uint64_t position, PointSink& sink) {
  for (const foreign::carbon::Point& point : metric.points()) {
    const RefusalReason fault = FaultOf(metric.metric(), point);
    if (fault == RefusalReason::kNone) {
      sink.OnPoint({metric.metric(), point.value(), point.timestamp(), position});
    } else {
      sink.OnRefused({fault, position, metric.metric()});
    }
  }
}

}  // namespace

absl::Status DecodeCarbonProtobuf(absl::string_view payload, PointSink& sink) {
  if (payload.size() > kProtobufBytesMax) {
    return RefuseMessage(RefusalReason::kTooLarge, payload, "a payload is over 64 MiB", sink);
  }
  std::array<char, 16384> first_block;
  google::protobuf::ArenaOptions arena_options;
  arena_options.initial_block = first_block.data();
  arena_options.initial_block_size = first_block.size();
  google::protobuf::Arena arena(arena_options);

  uint64_t position = 0;
  const auto result = internal::ForEachSubmessage(payload, 1, [&](absl::string_view bytes) {
    ++position;
    auto* metric = google::protobuf::Arena::CreateMessage<foreign::carbon::Metric>(&arena);
    const bool is_parsed = metric->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
    if (is_parsed) HandOn(*metric, position, sink);
    arena.Reset();
    return is_parsed;
  });
  if (result == internal::WalkResult::kOk) return absl::OkStatus();
  if (result == internal::WalkResult::kTooLarge) {
    return RefuseMessage(RefusalReason::kTooLarge, payload, "one metric is over 1 MiB", sink);
  }
  return RefuseMessage(RefusalReason::kMalformed, payload, "not a carbon protobuf payload", sink);
}

}  // namespace plumbago::protocols
