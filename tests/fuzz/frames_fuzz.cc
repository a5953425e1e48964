// Frames: the same however the bytes are cut, and never more memory than twice the bound.
#include "checks.h"
#include "protocols/frame_cutter.h"

namespace {

constexpr size_t kFrameBytesMax = 300;

struct Cut {
  std::string log;
  bool is_ok = true;
};

void Feed(plumbago::protocols::FrameCutter* cutter, absl::string_view piece, Cut* cut) {
  cut->is_ok = cutter
                   ->Feed(piece,
                          [&](absl::string_view frame) {
                            FUZZ_CHECK(frame.size() <= kFrameBytesMax);
                            absl::StrAppendFormat(&cut->log, "%d:%s,", frame.size(), frame);
                          })
                   .ok();
  FUZZ_CHECK(cutter->buffered_bytes() <= 2 * kFrameBytesMax + 64);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes = plumbago::fuzz::View(data, size);
  Cut whole;
  plumbago::protocols::FrameCutter whole_cutter(kFrameBytesMax);
  Feed(&whole_cutter, bytes, &whole);
  for (const uint32_t seed : {1U, 2U}) {
    Cut pieces;
    plumbago::protocols::FrameCutter cutter(kFrameBytesMax);
    plumbago::fuzz::CutIntoPieces(bytes, seed,
                                  [&](absl::string_view piece) { Feed(&cutter, piece, &pieces); });
    FUZZ_CHECK(pieces.log == whole.log && pieces.is_ok == whole.is_ok);
    FUZZ_CHECK(cutter.is_between_frames() == whole_cutter.is_between_frames());
  }
  return 0;
}
