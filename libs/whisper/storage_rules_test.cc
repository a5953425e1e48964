// Proves carbon's matching of storage schemas and aggregation rules, and the refusal of files with
// mistakes.
#include "whisper/storage_rules.h"

#include <catch2/catch.hpp>

namespace plumbago::whisper {
namespace {

using Catch::Matchers::Contains;

StorageRules Rules(std::string schemas, std::string aggregation) {
  auto rules =
      StorageRules::Parse({.schemas = std::move(schemas), .aggregation = std::move(aggregation)});
  REQUIRE(rules.ok());
  return *std::move(rules);
}

uint32_t FinestStep(const StorageRules& rules, absl::string_view metric) {
  return rules.HeaderFor(metric).archives.front().seconds_per_point;
}

std::string Refusal(std::string schemas, std::string aggregation) {
  const auto rules =
      StorageRules::Parse({.schemas = std::move(schemas), .aggregation = std::move(aggregation)});
  REQUIRE(rules.status().code() == absl::StatusCode::kInvalidArgument);
  return std::string(rules.status().message());
}

TEST_CASE("Without rules a series gets 60s:7d, 0.5 and average", "[whisper]") {
  const Header header = Rules("", "").HeaderFor("a.b");
  CHECK(header == MakeHeader({{60, 10080}}, 0.5F, AggregationMethod::kAverage).value());
}

TEST_CASE("The first schema whose pattern is found anywhere decides", "[whisper]") {
  const StorageRules rules = Rules(
      "[carbon]\npattern = ^carbon\\.\nretentions = 1s:1m\n"
      "[cpu]\npattern = cpu\nretentions = 2s:1m\n"
      "[rest]\npattern = .*\nretentions = 3s:1m, 30s:1h\n",
      "");
  CHECK(FinestStep(rules, "carbon.agents.cpu") == 1);
  CHECK(FinestStep(rules, "host.cpu.load") == 2);
  CHECK(FinestStep(rules, "host.CPU") == 3);
  CHECK(FinestStep(rules, "x.carbon.y") == 3);
  CHECK(rules.HeaderFor("z").archives.size() == 2);
}

TEST_CASE("What no schema matches gets the implicit one", "[whisper]") {
  CHECK(FinestStep(Rules("[a]\npattern = ^a$\nretentions = 1s:1m\n", ""), "b") == 60);
}

TEST_CASE("Aggregation rules match on their own, and either value may be absent", "[whisper]") {
  const StorageRules rules = Rules("",
                                   "[count]\npattern = \\.count$\nxFilesFactor = 0\n"
                                   "aggregationMethod = sum\n"
                                   "[max]\npattern = \\.max$\naggregationMethod = max\n"
                                   "[sparse]\npattern = ^sparse\nxFilesFactor = 0.1\n");
  CHECK(rules.HeaderFor("a.count").method == AggregationMethod::kSum);
  CHECK(rules.HeaderFor("a.count").x_files_factor == 0);
  CHECK(rules.HeaderFor("a.max").method == AggregationMethod::kMax);
  CHECK(rules.HeaderFor("a.max").x_files_factor == 0.5F);
  CHECK(rules.HeaderFor("sparse.a").method == AggregationMethod::kAverage);
  CHECK(rules.HeaderFor("sparse.a").x_files_factor == 0.1F);
}

TEST_CASE("The rules that matched are told by section, file and line", "[whisper]") {
  const auto rules = StorageRules::Parse({.schemas = "# a comment\n[carbon]\npattern = ^carbon\n"
                                                     "retentions = 1s:1m\n",
                                          .schemas_file = "/etc/schemas.conf",
                                          .aggregation = "[sum]\npattern = count$\n"
                                                         "aggregationMethod = sum\n"})
                         .value();
  const auto both = rules.Explain("carbon.count");
  CHECK(both.schema_rule == "[carbon] of /etc/schemas.conf line 2");
  CHECK(both.aggregation_rule == "[sum] of storage-aggregation.conf line 1");
  CHECK(both.header == rules.HeaderFor("carbon.count"));
  CHECK(rules.Explain("other").schema_rule == "default");
  CHECK(rules.Explain("other").aggregation_rule == "default");
}

TEST_CASE("Mistakes in storage-schemas.conf are refused with file and line", "[whisper]") {
  const auto refusal = [](const std::string& body) { return Refusal("[a]\n" + body, ""); };
  CHECK(refusal("pattern = a\nretentions = 10x:1d") ==
        "retention \"10x:1d\" has unknown unit 'x' at offset 2; use s, m, h, d, w or y "
        "(storage-schemas.conf line 3)");
  CHECK_THAT(refusal("pattern = a\nretention = 10s:1d"),
             Contains("unknown key 'retention' in [a]; known are pattern, retentions "
                      "(storage-schemas.conf line 3)"));
  CHECK_THAT(refusal("pattern = a(\nretentions = 10s:1d"),
             Contains("is no regular expression: missing ): a( (storage-schemas.conf line 2)"));
  CHECK_THAT(refusal("pattern = (?=a)\nretentions = 10s:1d"), Contains("line 2"));
  CHECK_THAT(refusal("retentions = 10s:1d"), Contains("[a] has no 'pattern'"));
  CHECK_THAT(refusal("pattern = a"), Contains("[a] has no 'retentions'"));
  CHECK_THAT(refusal("pattern = a\nretentions = 10s:1d, 15s:2d"),
             Contains("must evenly divide all lower precision"));
}

TEST_CASE("Mistakes in storage-aggregation.conf are refused with file and line", "[whisper]") {
  const auto refusal = [](const std::string& body) { return Refusal("", "[a]\n" + body); };
  CHECK_THAT(refusal("pattern = a\nxFilesFactor = 1.5"),
             Contains("\"1.5\" is no number from 0 to 1 (storage-aggregation.conf line 3)"));
  CHECK_THAT(refusal("pattern = a\nxFilesFactor = nan"), Contains("is no number"));
  CHECK_THAT(refusal("pattern = a\naggregationMethod = median"), Contains("'median'; use average"));
  CHECK_THAT(refusal("pattern = a\nmethod = sum"), Contains("unknown key 'method'"));
  CHECK_THAT(refusal("xFilesFactor = 0"), Contains("has no 'pattern'"));
}

}  // namespace
}  // namespace plumbago::whisper
