// Compressed streams; the first byte says which. The same output however the bytes are cut, and
// never more than the input pays for.
#include "checks.h"
#include "protocols/decompressor.h"

namespace {

using plumbago::protocols::Compression;
using plumbago::protocols::Decompressor;

struct Inflated {
  std::string text;
  bool is_ok = true;
};

void Feed(Decompressor* decompressor, absl::string_view piece, Inflated* inflated) {
  inflated->is_ok =
      decompressor
          ->Feed(piece,
                 [&](absl::string_view out) {
                   FUZZ_CHECK(out.size() <= plumbago::protocols::kDecompressedPieceBytesMax);
                   inflated->text.append(out.data(), out.size());
                 })
          .ok();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const auto compression = static_cast<Compression>(data[0] % 3);
  const absl::string_view bytes = plumbago::fuzz::View(data + 1, size - 1);
  plumbago::protocols::DecompressorLimits limits;
  limits.window_log_max = 16;
  Inflated whole;
  const auto at_once = plumbago::protocols::MakeDecompressor(compression, limits);
  Feed(at_once.get(), bytes, &whole);
  FUZZ_CHECK(whole.text.size() <= bytes.size() * limits.ratio_max);
  Inflated pieces;
  const auto in_pieces = plumbago::protocols::MakeDecompressor(compression, limits);
  plumbago::fuzz::CutIntoPieces(
      bytes, 1, [&](absl::string_view piece) { Feed(in_pieces.get(), piece, &pieces); });
  // With less input seen there is less credit, so that pieces may be refused where the whole is
  // not.
  if (pieces.is_ok && whole.is_ok) FUZZ_CHECK(pieces.text == whole.text);
  FUZZ_CHECK(whole.is_ok || !pieces.is_ok);
  return 0;
}
