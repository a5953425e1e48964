// Remote write, compressed and not: points within their bounds, names that the relay can
// canonicalise unless they are not UTF-8 or have empty nodes, and never more inflated than was
// allowed.
#include "checks.h"
#include "metric/metric_name.h"
#include "protocols/remote_write.h"

namespace {

constexpr size_t kInflatedBytesMax = 100'000;

class NameCheckingSink final : public plumbago::protocols::PointSink {
 public:
  void OnPoint(const plumbago::protocols::Point& point) override {
    using plumbago::metric::NameFault;
    std::string canonical;
    const NameFault fault = plumbago::metric::Canonicalise(point.metric, &canonical);
    FUZZ_CHECK(fault == NameFault::kNone || fault == NameFault::kInvalidUtf8 ||
               fault == NameFault::kEmptyNode || fault == NameFault::kTooLong ||
               fault == NameFault::kInvalidTag);
    // A label without a name is the one invalid tag that can be left.
    FUZZ_CHECK(fault != NameFault::kInvalidTag ||
               point.metric.find(";=") != absl::string_view::npos);
    sink.OnPoint(point);
  }
  void OnRefused(const plumbago::protocols::Refusal& refusal) override { sink.OnRefused(refusal); }

  plumbago::fuzz::CheckingSink sink{plumbago::metric::kMetricBytesMax};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes = plumbago::fuzz::View(data, size);
  NameCheckingSink plain;
  plain.sink.CheckStatus(plumbago::protocols::DecodeWriteRequest(bytes, plain));
  NameCheckingSink compressed;
  compressed.sink.CheckStatus(
      plumbago::protocols::DecodeRemoteWrite(bytes, kInflatedBytesMax, compressed));
  const auto inflated = plumbago::protocols::InflateSnappyBlock(bytes, kInflatedBytesMax);
  FUZZ_CHECK(!inflated.ok() || inflated->size() <= kInflatedBytesMax);
  return 0;
}
