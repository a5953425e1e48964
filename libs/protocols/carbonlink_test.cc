// Proves that requests are read as carbon-cache does and answers have its bytes. That graphite-web
// understands them is shown by tests/integration/test_carbonlink.py.
#include "protocols/carbonlink.h"

#include <catch2/catch.hpp>

namespace plumbago::protocols {
namespace {

using Type = CarbonlinkRequest::Type;

TEST_CASE("A request of any pickle protocol is read", "[carbonlink]") {
  const std::string requests[] = {
      "(dp0\nS'type'\np1\nS'cache-query'\np2\nsS'metric'\np3\nS'a.b'\np4\ns.",
      std::string("\x80\x02}q\x00(X\x04\x00\x00\x00typeq\x01X\x0b\x00\x00\x00"
                  "cache-queryq\x02"
                  "X\x06\x00\x00\x00metricq\x03X\x03\x00\x00\x00"
                  "a.bq\x04u.",
                  60),
  };
  for (const std::string& payload : requests) {
    const auto request = ParseCarbonlinkRequest(payload);
    REQUIRE(request.ok());
    CHECK(request->type == Type::kQuery);
    CHECK(request->metrics == std::vector<std::string>{"a.b"});
  }
}

TEST_CASE("Requests of every type are read with their fields", "[carbonlink]") {
  const auto bulk =
      ParseCarbonlinkRequest("(dS'type'\nS'cache-query-bulk'\nsS'metrics'\n(lS'a'\naS'b'\nas.");
  REQUIRE(bulk.ok());
  CHECK(bulk->type == Type::kBulkQuery);
  CHECK(bulk->metrics == std::vector<std::string>{"a", "b"});
  const auto set = ParseCarbonlinkRequest(
      "(dS'type'\nS'set-metadata'\nsS'metric'\nS'a'\nsS'key'\nS'k'\nsS'value'\nS'v'\ns.");
  REQUIRE(set.ok());
  CHECK(set->type == Type::kSetMetadata);
  CHECK(set->key == "k");
  CHECK(set->value == "v");
  const auto unknown = ParseCarbonlinkRequest("(dS'type'\nS'shutdown'\ns.");
  REQUIRE(unknown.ok());
  CHECK(unknown->type == Type::kUnknown);
  CHECK(unknown->type_text == "shutdown");
}

TEST_CASE("What is no request is refused", "[carbonlink]") {
  for (const char* payload :
       {"", ".", "(lS'cache-query'\na.", "(dS'metric'\nS'a'\ns.", "(dS'type'\nS'cache-query'\ns.",
        "(dS'type'\nS'cache-query'\nsS'metric'\nI7\ns.",
        "(dS'type'\nS'cache-query-bulk'\nsS'metrics'\nS'a'\ns.", "cos\nsystem\n(S'id'\ntR."}) {
    INFO(payload);
    CHECK(absl::IsInvalidArgument(ParseCarbonlinkRequest(payload).status()));
  }
}

TEST_CASE("A bulk query has a bound on its metrics", "[carbonlink]") {
  const auto query = [](size_t count) {
    std::string payload = "(dS'type'\nS'cache-query-bulk'\nsS'metrics'\n(l";
    for (size_t i = 0; i < count; ++i) payload += "S'a'\na";
    return ParseCarbonlinkRequest(payload + "s.");
  };
  CHECK(query(kCarbonlinkMetricsMax).ok());
  CHECK(absl::IsResourceExhausted(query(kCarbonlinkMetricsMax + 1).status()));
}

TEST_CASE("Answers have the bytes of pickle protocol 2", "[carbonlink]") {
  using namespace std::string_literals;
  CHECK(CarbonlinkDatapoints({}) == "\0\0\0\x15\x80\x02}X\n\0\0\0datapoints]s."s);
  CHECK(CarbonlinkDatapoints({{1, 2.0}}) ==
        "\0\0\0\x26\x80\x02}X\n\0\0\0datapoints](J\x01\0\0\0G\x40\0\0\0\0\0\0\0\x86"s + "es."s);
  CHECK(CarbonlinkError("no") == "\0\0\0\x16\x80\x02}X\x05\0\0\0errorX\x02\0\0\0nos."s);
  CHECK(CarbonlinkChange("a", "b") ==
        "\0\0\0\x2e\x80\x02}X\x09\0\0\0old_valueX\x01\0\0\0asX\x09\0\0\0new_value"s +
            "X\x01\0\0\0bs."s);
  CarbonlinkBulkAnswer bulk;
  bulk.Add("a", {});
  CHECK(bulk.Finish() == "\0\0\0\x25\x80\x02}X\x12\0\0\0datapointsByMetric}X\x01\0\0\0a]ss."s);
}

}  // namespace
}  // namespace plumbago::protocols
