// Proves that a stream gives the same lines however its bytes are cut, and that a line without end
// costs bounded memory and does not harm the lines after it.
#include "relay/line_cutter.h"

#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

namespace plumbago::relay {
namespace {

struct Recorder {
  std::vector<std::string> lines;
  size_t long_lines = 0;

  void OnLines(absl::Span<const absl::string_view> block) {
    REQUIRE(block.size() <= LineCutter::kBlockLines);
    for (const absl::string_view line : block) lines.emplace_back(line);
  }
  void OnLongLine(absl::string_view head) {
    REQUIRE(head.size() <= metric::kLineBytesMax);
    ++long_lines;
  }
};

std::string SampleStream() {
  std::string text;
  for (int i = 0; i < 50; ++i) text += "metric." + std::to_string(i) + " 1 1700000000\n";
  text += std::string(metric::kLineBytesMax, 'a') + "\n";      // at the limit
  text += std::string(metric::kLineBytesMax + 1, 'b') + "\n";  // over it
  text += "\nafter 1 1700000000\n" + std::string(30'000, 'c') + "\nlast 1 1700000000\nunfinished";
  return text;
}

Recorder CutWhole(const std::string& text) {
  Recorder recorder;
  LineCutter cutter;
  cutter.Feed(text, recorder);
  return recorder;
}

TEST_CASE("LineCutter hands on whole lines and keeps an unfinished one", "[relay]") {
  const Recorder recorder = CutWhole(SampleStream());
  REQUIRE(recorder.lines.size() == 54);
  CHECK(recorder.lines[50].size() == metric::kLineBytesMax);
  CHECK(recorder.lines[51].empty());
  CHECK(recorder.lines[53] == "last 1 1700000000");
  CHECK(recorder.long_lines == 2);
}

TEST_CASE("LineCutter gives the same lines however the bytes are cut", "[relay]") {
  const std::string text = SampleStream();
  const Recorder expected = CutWhole(text);
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 200; ++round) {
    const size_t piece_max = round < 5 ? 1 : 1 + random() % 20'000;
    Recorder recorder;
    LineCutter cutter;
    for (size_t at = 0; at < text.size();) {
      const size_t size = std::min<size_t>(1 + random() % piece_max, text.size() - at);
      cutter.Feed(absl::string_view(text).substr(at, size), recorder);
      at += size;
    }
    REQUIRE(recorder.lines == expected.lines);
    REQUIRE(recorder.long_lines == expected.long_lines);
  }
}

TEST_CASE("LineCutter takes an unfinished last line of a datagram", "[relay]") {
  Recorder recorder;
  LineCutter cutter;
  cutter.Feed("a 1 2\nb 3 4", recorder);
  cutter.Finish(recorder);
  CHECK(recorder.lines == std::vector<std::string>{"a 1 2", "b 3 4"});
}

}  // namespace
}  // namespace plumbago::relay
