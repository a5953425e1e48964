// Proves that the syntax of ConfigParser is read as carbon reads it and that errors name the line.
#include "base/config_file.h"

#include <catch2/catch.hpp>

namespace plumbago::base {
namespace {

using Catch::Matchers::Contains;

std::string Refusal(absl::string_view text) {
  const auto sections = ParseConfigFile(text, "x.conf");
  REQUIRE(sections.status().code() == absl::StatusCode::kInvalidArgument);
  return std::string(sections.status().message());
}

TEST_CASE("Sections, keys, comments and continuation lines are read", "[base]") {
  const auto sections = ParseConfigFile(
      "# a comment\r\n"
      "[carbon]\r\n"
      "Pattern = ^carbon\\.\r\n"
      "; another\n"
      "retentions: 60:90,\n"
      "   5m:1d\n"
      "\n"
      "[rest]\n"
      "pattern = a=b:50%%\n",
      "x.conf");
  REQUIRE(sections.ok());
  REQUIRE(sections->size() == 2);
  const ConfigSection& carbon = sections->front();
  CHECK(carbon.name == "carbon");
  CHECK(carbon.Find("pattern")->value == "^carbon\\.");
  CHECK(carbon.Find("pattern")->line == 3);
  CHECK(carbon.Find("retentions")->value == "60:90,\n5m:1d");
  CHECK(carbon.Find("missing") == nullptr);
  CHECK(sections->back().Find("pattern")->value == "a=b:50%");
}

TEST_CASE("An empty file has no sections", "[base]") {
  CHECK(ParseConfigFile("", "x.conf")->empty());
  CHECK(ParseConfigFile("\n# only a comment", "x.conf")->empty());
}

TEST_CASE("Wrong lines are refused with file and line", "[base]") {
  CHECK(Refusal("a = 1") == "a key before the first [section] (x.conf line 1)");
  CHECK_THAT(Refusal("[a]\nnonsense"),
             Contains("\"nonsense\" is no \"key = value\" (x.conf line 2)"));
  CHECK_THAT(Refusal("[a]\n= 1"), Contains("line 2"));
  CHECK_THAT(Refusal("[a\n"), Contains("is no [section] (x.conf line 1)"));
  CHECK_THAT(Refusal("[]\n"), Contains("is no [section]"));
  CHECK_THAT(Refusal("[a]\n[b]\n[a]"), Contains("there already, in line 1 (x.conf line 3)"));
  CHECK_THAT(Refusal("[a]\nk=1\nK: 2"), Contains("key 'k' is there already in [a]"));
  CHECK_THAT(Refusal("[a]\nk = 5%"), Contains("write '%%' for a percent sign (x.conf line 2)"));
  CHECK_THAT(Refusal("[a]\nk = %(home)s"), Contains("a lone '%'"));
}

}  // namespace
}  // namespace plumbago::base
