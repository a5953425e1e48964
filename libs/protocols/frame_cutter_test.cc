// Proves that frames are the same however the bytes are cut, and that a length costs no memory
// before its bytes have come.
#include "protocols/frame_cutter.h"

#include <catch2/catch.hpp>
#include <random>
#include <vector>

namespace plumbago::protocols {
namespace {

std::string Frame(const std::string& payload) {
  const auto size = static_cast<uint32_t>(payload.size());
  std::string frame;
  for (int shift = 24; shift >= 0; shift -= 8) frame.push_back(static_cast<char>(size >> shift));
  return frame + payload;
}

struct Cut {
  std::vector<std::string> frames;
  absl::Status status;
};

Cut CutAll(const std::string& bytes, size_t frame_bytes_max, size_t piece_bytes) {
  Cut cut;
  FrameCutter cutter(frame_bytes_max);
  for (size_t at = 0; at < bytes.size(); at += piece_bytes) {
    cut.status = cutter.Feed(absl::string_view(bytes).substr(at, piece_bytes),
                             [&](absl::string_view frame) { cut.frames.emplace_back(frame); });
  }
  return cut;
}

TEST_CASE("FrameCutter gives the same frames however the bytes are cut", "[protocols]") {
  const std::vector<std::string> payloads = {"a", "", std::string(300, 'b'), "c", ""};
  std::string bytes;
  for (const std::string& payload : payloads) bytes += Frame(payload);
  bytes += "\0\0\0";  // the begin of another
  for (size_t piece_bytes = 1; piece_bytes <= bytes.size(); ++piece_bytes) {
    INFO(piece_bytes);
    const Cut cut = CutAll(bytes, 1000, piece_bytes);
    REQUIRE(cut.status.ok());
    REQUIRE(cut.frames == payloads);
  }
}

TEST_CASE("FrameCutter takes a frame up to its bound and refuses a larger one for ever",
          "[protocols]") {
  CHECK(CutAll(Frame(std::string(99, 'x')), 100, 7).frames.size() == 1);
  CHECK(CutAll(Frame(std::string(100, 'x')), 100, 7).frames.size() == 1);
  for (const size_t piece_bytes : {1, 1000}) {
    const Cut cut =
        CutAll(Frame("first") + Frame(std::string(101, 'x')) + Frame("last"), 100, piece_bytes);
    CHECK(cut.frames == std::vector<std::string>{"first"});
    CHECK(absl::IsResourceExhausted(cut.status));
  }
}

TEST_CASE("FrameCutter takes no memory for a length alone, and gives it back after a frame",
          "[protocols]") {
  FrameCutter cutter;
  const auto ignore = [](absl::string_view) {};
  const std::string frame = Frame(std::string(kFrameBytesMaxDefault, 'x'));
  REQUIRE(cutter.Feed(absl::string_view(frame).substr(0, 10), ignore).ok());
  CHECK(cutter.buffered_bytes() < 100);
  CHECK_FALSE(cutter.is_between_frames());
  REQUIRE(cutter.Feed(absl::string_view(frame).substr(10, 500'000), ignore).ok());
  CHECK(cutter.buffered_bytes() < 1'100'000);
  REQUIRE(cutter.Feed(absl::string_view(frame).substr(500'010), ignore).ok());
  CHECK(cutter.is_between_frames());
  CHECK(cutter.buffered_bytes() < 100);
}

}  // namespace
}  // namespace plumbago::protocols
