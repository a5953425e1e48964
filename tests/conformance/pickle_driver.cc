// Decodes frames of pickles from the standard input and prints one line for each point and refusal:
//   point HEX_NAME TIME VALUE_BITS | refused REASON POSITION | end
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <iterator>

#include "absl/strings/escaping.h"
#include "protocols/frame_cutter.h"
#include "protocols/pickle.h"

namespace {

using plumbago::protocols::Point;
using plumbago::protocols::Refusal;

class PrintingSink final : public plumbago::protocols::PointSink {
 public:
  void OnPoint(const Point& point) override {
    uint64_t bits = 0;
    std::memcpy(&bits, &point.value, sizeof(bits));
    std::printf("point %s %u %016" PRIx64 "\n", absl::BytesToHexString(point.metric).c_str(),
                point.time_seconds, bits);
  }
  void OnRefused(const Refusal& refusal) override {
    std::printf("refused %s %" PRIu64 "\n", RefusalReasonWord(refusal.reason), refusal.position);
  }
};

}  // namespace

int main() {
  const std::string input((std::istreambuf_iterator<char>(std::cin)), {});
  plumbago::protocols::FrameCutter cutter;
  PrintingSink sink;
  const absl::Status status = cutter.Feed(input, [&](absl::string_view frame) {
    plumbago::protocols::DecodePickle(frame, 1'700'000'000, sink).IgnoreError();
    std::puts("end");
  });
  return status.ok() && cutter.is_between_frames() ? 0 : 1;
}
