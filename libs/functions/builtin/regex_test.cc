// Replacement and search as Python's re does them, on RE2.
#include "functions/builtin/regex.h"

#include <catch2/catch.hpp>
#include <string>
#include <tuple>

namespace plumbago::functions {
namespace {

using Case = std::tuple<std::string, std::string, std::string, std::string>;

TEST_CASE("Replacements are those of Python's re.sub", "[regex]") {
  const auto [pattern, replacement, text, expected] = GENERATE(values<Case>({
      {"(^.*$)", "\\1 A", "web.cpu", "web.cpu A"},
      {"(^.*$)", "\\1 A", "", " A"},
      {"(^.*$)", "\\1 A", "a b 99% \"q\" €", "a b 99% \"q\" € A"},
      {"(^.*$)", "\\g<0>|\\1", "x", "x|x"},
      {"^.*TCP(\\d+)", "\\1", "ip-TCP25.x", "25.x"},
      {"a", "b", "banana", "bbnbnb"},
      {"(?P<first>\\w+) (?P<second>\\w+)", "\\g<second>-\\2-\\g<first>", "one two", "two-two-one"},
      {"x*", "-", "abxd", "-a-b--d-"},
      {"(a)|(b)", "[\\1\\2]", "ab", "[a][b]"},
      {"b", "\\\\n\\n", "abc", "a\\n\nc"},
      {"(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)", "\\10\\1", "abcdefghij", "ja"},
      {"nothing", "x", "text", "text"},
      {"\\.", "\\-", "a.b", "a\\-b"},
  }));
  CAPTURE(pattern, replacement, text);
  const auto replacer = Replacer::Make(pattern, replacement);
  REQUIRE(replacer.ok());
  CHECK(*replacer->Replace(text) == expected);
}

TEST_CASE("Patterns and replacements that cannot work are refused", "[regex]") {
  CHECK(absl::IsInvalidArgument(Replacer::Make("(", "").status()));
  CHECK(absl::IsInvalidArgument(Replacer::Make("(?=a)", "").status()));
  CHECK(absl::IsInvalidArgument(Replacer::Make("a", "\\1").status()));
  CHECK(absl::IsInvalidArgument(Replacer::Make("(a)", "\\g<2>").status()));
  CHECK(absl::IsInvalidArgument(Replacer::Make("(a)", "\\g<x>").status()));
  CHECK(absl::IsInvalidArgument(Replacer::Make("(a)", "\\g<1").status()));
  CHECK(absl::IsInvalidArgument(Replacer::Make("(a)", "\\q").status()));
  CHECK(CompileRegex(std::string(4096, 'a')).ok());
  CHECK(absl::IsInvalidArgument(CompileRegex(std::string(4097, 'a')).status()));
}

TEST_CASE("Searching matches anywhere", "[regex]") {
  CHECK(Occurs(**CompileRegex("b.d"), "abcde"));
  CHECK_FALSE(Occurs(**CompileRegex("^b"), "abcde"));
}

}  // namespace
}  // namespace plumbago::functions
