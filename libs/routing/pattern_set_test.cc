// Proves that the prefilter never hides a pattern that matches, that dialects are read as their
// programs read them, and that names are built from matches as there.
#include "routing/pattern_set.h"

#include <catch2/catch.hpp>
#include <random>

#include "absl/strings/str_cat.h"
#include "routing/name_template.h"

namespace plumbago::routing {
namespace {

using Catch::Matchers::Contains;

std::string Refusal(absl::string_view pattern, Dialect dialect) {
  PatternSet set;
  const auto id = set.Add(pattern, dialect);
  REQUIRE(id.status().code() == absl::StatusCode::kInvalidArgument);
  return std::string(id.status().message());
}

bool Matches(absl::string_view pattern, Dialect dialect, absl::string_view text) {
  PatternSet set;
  const uint32_t id = set.Add(pattern, dialect).value();
  set.Compile();
  std::vector<uint32_t> candidates;
  set.Candidates(text, &candidates);
  const bool matches = set.Matches(id, text);
  CHECK((!matches || candidates == std::vector<uint32_t>{id}));
  return matches;
}

TEST_CASE("Candidates hold every pattern that matches and few others", "[routing]") {
  const uint32_t seed = std::random_device()();
  CAPTURE(seed);
  std::mt19937 random(seed);
  const auto pick = [&](std::initializer_list<const char*> words) {
    return words.begin()[random() % words.size()];
  };
  PatternSet set;
  for (int i = 0; i < 300; ++i) {
    const Dialect dialect = random() % 3 == 0 ? Dialect::kPythonIgnoreCase : Dialect::kPython;
    const std::string pattern = absl::StrCat(pick({"", "^", "a|", "(?:x|web)", "[sd]er"}),
                                             pick({"servers", "Web", "db[0-9]+", "\xc3\x9c", ".*"}),
                                             pick({"\\.", ".", "", "[^.]*"}),
                                             pick({"cpu", "LOAD", "disk|k", "x{2,3}", "$", "7"}));
    REQUIRE(set.Add(pattern, dialect).ok());
  }
  set.Compile();
  std::vector<uint32_t> candidates;
  for (int i = 0; i < 2000; ++i) {
    const std::string name = absl::StrCat(
        pick({"servers", "WEB", "db12", "\xc3\xbc", "\xe2\x84\xaa", "other"}), pick({".", ""}),
        pick({"cpu", "load", "dis\xe2\x84\xaa", "xxx", "7", "nothing"}));
    set.Candidates(name, &candidates);
    CHECK(std::is_sorted(candidates.begin(), candidates.end()));
    for (uint32_t id = 0; id < set.size(); ++id) {
      if (!set.Matches(id, name)) continue;
      CAPTURE(name, set.regex(id).pattern());
      CHECK(std::binary_search(candidates.begin(), candidates.end(), id));
    }
  }
  set.Candidates("nothing.here", &candidates);
  CHECK(candidates.size() >= set.unfiltered_count());
  CHECK(candidates.size() < set.size());
}

TEST_CASE("A literal inside another one is found too", "[routing]") {
  PatternSet set;
  for (const char* pattern : {"abcdef", "bcd", "cde", "xbcdx"}) {
    REQUIRE(set.Add(pattern, Dialect::kPython).ok());
  }
  set.Compile();
  std::vector<uint32_t> candidates;
  set.Candidates("zabcdefz", &candidates);
  CHECK(candidates == std::vector<uint32_t>{0, 1, 2});
}

TEST_CASE("A set without patterns has no candidates", "[routing]") {
  PatternSet set;
  set.Compile();
  std::vector<uint32_t> candidates = {7};
  set.Candidates("a.b", &candidates);
  CHECK(candidates.empty());
}

TEST_CASE("Dialects mean what they mean in their programs", "[routing]") {
  CHECK(Matches("^a{,2}$", Dialect::kPython, "aa"));
  CHECK_FALSE(Matches("^a{,2}$", Dialect::kPosix, "a{,2}"));
  CHECK(Matches("[]x]", Dialect::kPosix, "]"));
  CHECK(Matches("[^]x]", Dialect::kPython, "y"));
  CHECK(Matches("^[[:digit:].]+$", Dialect::kPosix, "1.2"));
  CHECK(Matches("\\.WEB", Dialect::kPythonIgnoreCase, "a.web"));
  CHECK_FALSE(Matches("\\.WEB", Dialect::kPython, "a.web"));
  // carbon-c-relay counts bytes, Python letters.
  CHECK(Matches("^..$", Dialect::kPosix, "\xc3\xbc"));
  CHECK(Matches("^.$", Dialect::kPython, "\xc3\xbc"));
}

TEST_CASE("What RE2 lacks or would read otherwise is refused", "[routing]") {
  CHECK_THAT(Refusal("a(?=b)", Dialect::kPython), Contains("look-around"));
  CHECK_THAT(Refusal("(a)\\1", Dialect::kPython), Contains("back-references"));
  CHECK_THAT(Refusal("(a", Dialect::kPosix), Contains("missing )"));
  CHECK_THAT(Refusal("[[:alpha:]]", Dialect::kPython), Contains("Python has no [[:class:]]"));
  CHECK_THAT(Refusal("\\<web", Dialect::kPosix), Contains("write \\b"));
  CHECK_THAT(Refusal("[a\\]b]", Dialect::kPosix), Contains("put the ']' first"));
  CHECK_THAT(Refusal(std::string(kPatternBytesMax + 1, 'a'), Dialect::kPython), Contains("8193"));
}

std::string Python(const char* pattern, const char* replacement, std::string name) {
  const re2::RE2 regex(pattern);
  ReplaceAll(regex, NameTemplate::ParsePython(replacement, regex).value(), &name);
  return name;
}

TEST_CASE("Python's replacements are those of re.sub", "[routing]") {
  CHECK(Python("^servers\\.([^.]+)", "hosts.\\1", "servers.a.cpu") == "hosts.a.cpu");
  CHECK(Python("\\d", "<\\g<0>>", "a1b2") == "a<1>b<2>");
  CHECK(Python("(?P<x>a)|b", "[\\g<x>]", "abc") == "[a][]c");
  CHECK(Python("x*", "-", "abxd") == "-a-b--d-");
  CHECK(Python("b", "\\.\\\\", "abc") == "a\\.\\c");
  const re2::RE2 regex("(a)");
  for (const char* wrong : {"\\2", "\\g<y>", "\\g", "\\n", "x\\"}) {
    CHECK_FALSE(NameTemplate::ParsePython(wrong, regex).ok());
  }
}

std::string CRelay(const char* pattern, const char* replacement, std::string name) {
  const re2::RE2 regex(pattern);
  const auto parsed = NameTemplate::ParseCarbonCRelay(replacement, regex.NumberOfCapturingGroups());
  ReplaceFirst(regex, parsed, &name);
  return name;
}

TEST_CASE("carbon-c-relay's replacements change case and dots", "[routing]") {
  CHECK(CRelay("(Web)[.](CPU)", "\\_2-\\^1", "x.Web.CPU.y") == "x.cpu-WEB.y");
  CHECK(CRelay("a\\.(.*)$", "\\.1", "a.b.C") == "b_C");
  CHECK(CRelay("a\\.(.*)$", "\\_.1", "a.b.C") == "b_c");
  CHECK(CRelay("(a)(b)", "\\g{2}\\g{1}0", "ab") == "ba0");
  CHECK(CRelay("(a)(b)", "\\1\\2", "abab") == "abab");
  CHECK(CRelay("(a)", "\\9x\\y\\0z", "a") == "xyz");
}

TEST_CASE("Names stop growing at their bound", "[routing]") {
  const std::string name = Python("a", std::string(1000, 'a').c_str(), std::string(100, 'a'));
  CHECK(name.size() < 2 * kBuiltNameBytesMax);
}

}  // namespace
}  // namespace plumbago::routing
