// Proves that HTTP bodies and telnet lines become the points they mean, that a bad part does not
// harm the others, and what is told to the sender.
#include <catch2/catch.hpp>

#include "metric/metric_name.h"
#include "protocols/json_points.h"
#include "protocols/plaintext_body.h"
#include "protocols/refusal_report.h"
#include "protocols/telnet_line.h"
#include "protocols/testing/recording_sink.h"
#include "protocols/timestamp.h"

namespace plumbago::protocols {
namespace {

using Strings = std::vector<std::string>;

constexpr uint32_t kNow = 1'700'000'000;

RecordingSink DecodeJson(const std::string& body, absl::StatusCode code = absl::StatusCode::kOk) {
  RecordingSink sink;
  const absl::Status status = DecodeJsonPoints(body, kNow, sink);
  INFO(body);
  INFO(status);
  CHECK(status.code() == code);
  return sink;
}

TEST_CASE("DecodePlaintextBody numbers the lines and goes on after a bad one", "[protocols]") {
  RecordingSink sink;
  DecodePlaintextBody("a 1 5\n\r\n\nb x 5\r\nc 3 -1\nd 4 0\ne 5", kNow, sink);
  CHECK(sink.Lines() == Strings{"a 1 5", "c 3 1700000000"});
  CHECK(sink.points[1].position == 5);
  CHECK(sink.refusals == Strings{"bad_value@4", "time_out_of_range@6", "field_count@7"});
  RecordingSink last;
  DecodePlaintextBody("a 1 5", kNow, last);
  CHECK(last.points.size() == 1);
}

TEST_CASE("DecodePlaintextBody bounds a line", "[protocols]") {
  const auto decode = [](size_t bytes) {
    RecordingSink sink;
    DecodePlaintextBody("a 1" + std::string(bytes - 5, ' ') + " 5\n", kNow, sink);
    return sink;
  };
  CHECK(decode(metric::kLineBytesMax - 1).points.size() == 1);
  CHECK(decode(metric::kLineBytesMax).points.size() == 1);
  CHECK(decode(metric::kLineBytesMax + 1).refusals == Strings{"line_too_long@1"});
}

TEST_CASE("RefusalReport counts everything and lists the first ten", "[protocols]") {
  RecordingSink next;
  RefusalReport report(next);
  std::string body = "good 1 5\nalso 1 5\n";
  for (int i = 0; i < 12; ++i) body += "bad\x01\n";
  DecodePlaintextBody(body, kNow, report);
  CHECK(report.accepted_count() == 2);
  CHECK(report.refused_count() == 12);
  REQUIRE(report.first_refused().size() == RefusalReport::kListedMax);
  CHECK(report.first_refused()[0].position == 3);
  CHECK(report.first_refused()[0].reason == "field_count");
  CHECK(report.first_refused()[0].excerpt == "bad\\x01");
  CHECK(next.points.size() == 2);
  CHECK(next.refusals.size() == 12);
  report.Retract("empty_node", 2, "also");
  CHECK(report.accepted_count() == 1);
  CHECK(report.refused_count() == 13);
}

TEST_CASE("DecodeJsonPoints takes one point or a list, as OpenTSDB does", "[protocols]") {
  CHECK(DecodeJson(R"({"metric":"a.b","value":1.5,"timestamp":1700000001})").Lines() ==
        Strings{"a.b 1.5 1700000001"});
  CHECK(DecodeJson(R"([{"metric":"a","timestamp":1700000001999,"value":"2","tags":{"host":"x y",
                     "n":7,"up":true}},{"value":-3,"timestamp":"-1","metric":"b;k=v","tags":{"z":"1"}}])")
            .Lines() ==
        Strings{"a;host=x%20y;n=7;up=true 2 1700000001", "b;k=v;z=1 -3 1700000000"});
  CHECK(DecodeJson("[]").points.empty());
  CHECK(
      DecodeJson(
          R"({"metric":"a","value":1,"timestamp":5,"x":[1,{"metric":"q","tags":{}}],"y":{"value":9},
                      "tags":null})")
          .Lines() == Strings{"a 1 5"});
}

TEST_CASE("DecodeJsonPoints skips a bad element and counts it", "[protocols]") {
  const std::string good = R"({"metric":"a","value":1,"timestamp":5})";
  const auto refuses = [&](const std::string& element, const std::string& reason) {
    const RecordingSink sink = DecodeJson("[" + good + "," + element + "," + good + "]");
    CHECK(sink.Lines() == Strings{"a 1 5", "a 1 5"});
    CHECK(sink.refusals == Strings{reason + "@2"});
  };
  refuses("7", "bad_shape");
  refuses("null", "bad_shape");
  refuses("[1,[2]]", "bad_shape");
  refuses("{}", "bad_shape");
  refuses(R"({"metric":"a","value":1})", "bad_shape");
  refuses(R"({"metric":7,"value":1,"timestamp":5})", "bad_shape");
  refuses(R"({"metric":["a"],"value":1,"timestamp":5})", "bad_shape");
  refuses(R"({"metric":"a","value":1,"timestamp":5,"tags":["x"]})", "bad_shape");
  refuses(R"({"metric":"a","value":1,"timestamp":5,"tags":"x"})", "bad_shape");
  refuses(R"({"metric":"a","value":1,"timestamp":5,"tags":{"k":{}}})", "bad_shape");
  refuses(R"({"metric":"a","value":1,"timestamp":5,"tags":{"k":[]}})", "bad_shape");
  refuses(R"({"metric":"","value":1,"timestamp":5})", "no_name");
  refuses(R"({"metric":"a","value":null,"timestamp":5})", "bad_value");
  refuses(R"({"metric":"a","value":"x","timestamp":5})", "bad_value");
  refuses(R"({"metric":"a","value":"nan","timestamp":5})", "bad_value");
  refuses(R"({"metric":"a","value":1,"timestamp":true})", "bad_timestamp");
  refuses(R"({"metric":"a","value":1,"timestamp":0})", "time_out_of_range");
  refuses(R"({"metric":")" + std::string(metric::kMetricBytesMax + 1, 'n') +
              R"(","value":1,"timestamp":5})",
          "name_too_long");
  refuses(
      R"({"metric":"a","value":1,"timestamp":5,"tags":{"k":")" + std::string(5000, 'v') + "\"}}",
      "name_too_long");
}

TEST_CASE("DecodeJsonPoints refuses what is no JSON and keeps the points before", "[protocols]") {
  const auto invalid = absl::StatusCode::kInvalidArgument;
  const std::string good = R"({"metric":"a","value":1,"timestamp":5})";
  for (const std::string bad : {"", "x", "{", "[", "\xff", "[1", "1e999"}) {
    CHECK(DecodeJson(bad, invalid).refusals.back().substr(0, 9) == "malformed");
  }
  CHECK(DecodeJson("7", invalid).refusals == Strings{"bad_shape@0"});
  CHECK(DecodeJson("[" + good + ",", invalid).points.size() == 1);
  CHECK(DecodeJson(good + good, invalid).points.size() == 1);
}

TEST_CASE("DecodeJsonPoints bounds nesting just where it says", "[protocols]") {
  const auto nested = [](size_t depth) {
    return R"({"metric":"a","value":1,"timestamp":5,"x":)" + std::string(depth - 1, '[') +
           std::string(depth - 1, ']') + "}";
  };
  CHECK(DecodeJson(nested(kJsonDepthMax)).points.size() == 1);
  CHECK(DecodeJson(nested(kJsonDepthMax + 1), absl::StatusCode::kResourceExhausted).refusals ==
        Strings{"too_deep@0"});
}

TEST_CASE("DecodeTelnetLine takes OpenTSDB's and KairosDB's put", "[protocols]") {
  const auto accepts = [](const std::string& line, const std::string& expected) {
    RecordingSink sink;
    INFO(line);
    CHECK(DecodeTelnetLine(line, kNow, 1, sink) == TelnetRequest::kPut);
    CHECK(sink.Lines() == Strings{expected});
  };
  accepts("put sys.cpu 1700000000 42.5 host=web01 cpu=0",
          "sys.cpu;host=web01;cpu=0 42.5 1700000000");
  accepts(" put  a\t1700000000123 1  k=v=w \r", "a;k=v=w 1 1700000000");
  accepts("put a 1700000000.5 1", "a 1 1700000000");
  accepts("put a -1 1", "a 1 1700000000");
  accepts("putm a 5000 1 k=v", "a;k=v 1 5");
}

TEST_CASE("DecodeTelnetLine names what is wrong and knows the other commands", "[protocols]") {
  const auto refuses = [](const std::string& line, const std::string& reason) {
    RecordingSink sink;
    INFO(line);
    CHECK(DecodeTelnetLine(line, kNow, 7, sink) == TelnetRequest::kRefused);
    CHECK(sink.refusals == Strings{reason + "@7"});
  };
  refuses("stats", "unknown_command");
  refuses("put", "field_count");
  refuses("put a 5", "field_count");
  refuses("put a soon 1", "bad_timestamp");
  refuses("put a nan 1", "bad_timestamp");
  refuses("put a 5 x", "bad_value");
  refuses("put a 5 nan", "bad_value");
  refuses("put a 0 1", "time_out_of_range");
  refuses("putm a 999 1", "time_out_of_range");
  refuses("putm a -1 1", "time_out_of_range");
  refuses("put a 5 1 k", "invalid_tag");
  refuses("put a 5 1 =v", "invalid_tag");
  refuses("put a 5 1 k=", "invalid_tag");
  refuses("put a 5 1 name=x exported_name=y", "label_conflict");
  refuses("put a 5 1 k=" + std::string(1100, 'v'), "name_too_long");
  refuses("put a 5 1 " + std::string(metric::kLineBytesMax, ' '), "line_too_long");
  RecordingSink sink;
  CHECK(DecodeTelnetLine("version\r", kNow, 1, sink) == TelnetRequest::kVersion);
  CHECK(DecodeTelnetLine("exit", kNow, 1, sink) == TelnetRequest::kExit);
  CHECK(DecodeTelnetLine(" \t\r", kNow, 1, sink) == TelnetRequest::kEmpty);
  CHECK(sink.refusals.empty());
}

TEST_CASE("A timestamp over 32 bits is in milliseconds", "[protocols]") {
  const auto seconds = [](double timestamp) {
    uint32_t time = 0;
    CHECK(TimeFromSecondsOrMillis(timestamp, kNow, &time) == RefusalReason::kNone);
    return time;
  };
  CHECK(seconds(4294967295.0) == 4294967295U);
  CHECK(seconds(4294967295.9) == 4294967295U);
  CHECK(seconds(4294967296.0) == 4294967U);
  CHECK(seconds(4294967295999.0) == 4294967295U);
  uint32_t time = 0;
  CHECK(TimeFromSecondsOrMillis(4294967296000.0, kNow, &time) == RefusalReason::kTimeOutOfRange);
  CHECK(TimeFromSeconds(4294967296.0, kNow, &time) == RefusalReason::kTimeOutOfRange);
}

}  // namespace
}  // namespace plumbago::protocols
