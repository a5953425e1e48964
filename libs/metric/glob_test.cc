// Proves the matching rules by a table (its answers are those of Python's fnmatch after brace
// expansion, which graphite-web uses) and that no pattern takes more than its limits.
#include "metric/glob.h"

#include <catch2/catch.hpp>

namespace plumbago::metric {
namespace {

bool Matches(absl::string_view pattern, absl::string_view node) {
  const auto glob = Glob::Compile(pattern);
  INFO("pattern " << std::string(pattern));
  REQUIRE(glob.ok());
  return glob->Matches(node);
}

void CheckMatches(absl::string_view pattern, const std::vector<std::string>& nodes) {
  for (const std::string& node : nodes) {
    INFO(std::string(pattern) << " should match " << node);
    CHECK(Matches(pattern, node));
  }
}

void CheckMatchesNone(absl::string_view pattern, const std::vector<std::string>& nodes) {
  for (const std::string& node : nodes) {
    INFO(std::string(pattern) << " should not match " << node);
    CHECK_FALSE(Matches(pattern, node));
  }
}

void CheckRefused(const std::string& pattern, const std::string& part_of_message) {
  const absl::Status status = Glob::Compile(pattern).status();
  CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  CHECK_THAT(std::string(status.message()), Catch::Contains(part_of_message));
}

TEST_CASE("Glob matches stars and question marks", "[glob]") {
  CheckMatches("*", {"", "a", "cpu0"});
  CheckMatches("cpu*", {"cpu", "cpu0"});
  CheckMatches("*0", {"0", "cpu0", "00"});
  CheckMatches("a*b*c", {"abc", "axxbyyc", "abbcbc"});
  CheckMatches("cpu?", {"cpu0"});
  CheckMatches("a**b", {"ab", "axb"});
  CheckMatchesNone("cpu*", {"cp", "xcpu"});
  CheckMatchesNone("a*b*c", {"acb", "ab", "abcd"});
  CheckMatchesNone("cpu?", {"cpu", "cpu10", "CPU0"});
}

TEST_CASE("Glob matches sets, ranges and their negation", "[glob]") {
  CheckMatches("[abc]", {"a", "b", "c"});
  CheckMatches("cpu[0-3x]", {"cpu0", "cpu3", "cpux"});
  CheckMatches("[!0-9]*", {"a1", "-"});
  CheckMatches("[]a]", {"]", "a"});
  CheckMatches("[!]a]", {"b"});
  CheckMatches("[a-]", {"a", "-"});
  CheckMatches("[^a]", {"^", "a"});
  CheckMatchesNone("[abc]", {"", "d", "ab"});
  CheckMatchesNone("cpu[0-3x]", {"cpu4", "cpu"});
  CheckMatchesNone("[!0-9]*", {"1a", ""});
  CheckMatchesNone("[c-a]", {"a", "b", "c"});
}

TEST_CASE("Glob matches alternatives, nested and empty ones", "[glob]") {
  CheckMatches("{a,b}", {"a", "b"});
  CheckMatches("web{,-old}", {"web", "web-old"});
  CheckMatches("{a{1,2},b}x", {"a1x", "a2x", "bx"});
  CheckMatches("{a*,?b}{1,2}", {"a1", "axx2", "xb1"});
  CheckMatchesNone("{a,b}", {"ab", "", "{a,b}"});
  CheckMatchesNone("web{,-old}", {"web-", "web,-old"});
  CheckMatchesNone("{a{1,2},b}x", {"ax", "b1x"});
}

TEST_CASE("Glob takes brackets and braces without partner as ordinary characters", "[glob]") {
  CheckMatches("a[b", {"a[b"});
  CheckMatches("a]", {"a]"});
  CheckMatches("{a,b", {"{a,b"});
  CheckMatches("a,b}", {"a,b}"});
  CheckMatches("{a{b,c}", {"{ab", "{ac"});
  CheckMatches("a*[", {"ax["});
}

TEST_CASE("Glob removes backslashes", "[glob]") { CheckMatches("a\\.b\\*", {"a.b", "a.bc"}); }

TEST_CASE("Glob counts characters of UTF-8, and stray bytes one by one", "[glob]") {
  CheckMatches("?", {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xff", "\xc3"});
  CheckMatches("[\xc3\xa9-\xc3\xbc]", {"\xc3\xa9", "\xc3\xaa", "\xc3\xbc"});
  CheckMatches("??", {"\xc3\x28"});
  CheckMatchesNone("?", {"\xc3\xa9\xc3\xa9", "\xff\xff"});
  CheckMatchesNone("[\xc3\xa9-\xc3\xbc]", {"e", "\xc3"});
}

TEST_CASE("Glob tells exact names, which need no scan", "[glob]") {
  const auto glob = Glob::Compile("{b,a,b,c}x");
  REQUIRE(glob.ok());
  CHECK(glob->is_exact());
  CHECK(glob->exact_names() == std::vector<std::string>{"ax", "bx", "cx"});
  CHECK_FALSE(Glob::Compile("{a,b*}")->is_exact());
  CHECK(Glob::Compile("{a,b*}")->exact_names() == std::vector<std::string>{"a"});
  CHECK(Glob::Compile("**")->is_globstar());
  CHECK_FALSE(Glob::Compile("**")->is_exact());
  CHECK_FALSE(Glob::Compile("a**")->is_globstar());
}

TEST_CASE("Glob bounds what braces expand to", "[glob]") {
  std::string pattern;
  for (int i = 0; i < 4; ++i) pattern += "{0,1,2,3,4,5,6,7,8,9}";
  CHECK(Glob::Compile(pattern)->exact_names().size() == kGlobAlternativesMax);
  CheckRefused(pattern + "{0,1}", "expands to more than 10000 alternatives");
  for (int i = 0; i < 500; ++i) pattern += "{a,b}";
  CheckRefused(pattern, "expands to more than");
  CheckRefused("{a,b,c}{d,e,f}" + std::string(kPatternBytesMax - 14, 'x') + "x", "longer than");
  std::string wide(16000, 'x');
  for (int i = 0; i < 7; ++i) wide += "{a,b}";
  CheckRefused(wide, "1048576 bytes");
}

TEST_CASE("Glob bounds the nesting of braces", "[glob]") {
  const auto nested = [](size_t depth) {
    return std::string(depth, '{') + "a,b" + std::string(depth, '}');
  };
  CHECK(Glob::Compile(nested(kGlobNestingMax))->exact_names().size() == 2);
  CheckRefused(nested(kGlobNestingMax + 1), "nests braces deeper than 32");
  CHECK(Glob::Compile(std::string(kPatternBytesMax, '{')).ok());
  CheckRefused(nested(kPatternBytesMax / 2 - 2), "nests braces deeper than 32");
}

TEST_CASE("Glob matches many stars without trying every division", "[glob]") {
  std::string pattern;
  for (int i = 0; i < 2000; ++i) pattern += "a*";
  const std::string name(4096, 'a');
  CHECK(Matches(pattern, name));
  CHECK_FALSE(Matches(pattern + "b", name));
}

TEST_CASE("CompilePath gives one glob a node", "[glob]") {
  const auto globs = CompilePath("a.{b,c}.*");
  REQUIRE(globs.ok());
  REQUIRE(globs->size() == 3);
  CHECK(globs->at(0).exact_names() == std::vector<std::string>{"a"});
  CHECK(globs->at(1).Matches("c"));
  CHECK(globs->at(2).Matches("anything"));
}

TEST_CASE("CompilePath refuses empty nodes and long patterns, and says where", "[glob]") {
  const auto message = [](absl::string_view pattern) {
    return std::string(CompilePath(pattern).status().message());
  };
  CHECK_THAT(message("a..b"), Catch::Contains("\"a..b\" has an empty node at node 2"));
  CHECK_THAT(message(".a"), Catch::Contains("empty node at node 1"));
  CHECK_THAT(message("a."), Catch::Contains("empty node at node 2"));
  CHECK_THAT(message(""), Catch::Contains("empty node at node 1"));
  CHECK_THAT(message(std::string(kPatternBytesMax + 1, 'a')), Catch::Contains("longer than"));
}

TEST_CASE("MatchesPath matches node by node, ** any number of them", "[glob]") {
  const auto matches = [](absl::string_view pattern, absl::string_view name) {
    return MatchesPath(*CompilePath(pattern), name);
  };
  CHECK(matches("a.*.c", "a.b.c"));
  CHECK(matches("a.**", "a"));
  CHECK(matches("a.**.*", "a.b.c"));
  CHECK(matches("**.c", "a.b.c"));
  CHECK(matches("**.b.**.d", "a.b.x.b.c.d"));
  CHECK(matches("**.**", "a"));
  CHECK_FALSE(matches("a.*", "a"));
  CHECK_FALSE(matches("a.*", "a.b.c"));
  CHECK_FALSE(matches("**.b.**.d", "a.b.c"));
  CHECK_FALSE(matches("a.**.*", "a"));
}

TEST_CASE("HasWildcards sees every special character", "[glob]") {
  for (const char* pattern : {"a*", "a?", "a[b]", "{a,b}"}) CHECK(HasWildcards(pattern));
  CHECK_FALSE(HasWildcards("a.b-c:d"));
}

}  // namespace
}  // namespace plumbago::metric
