// Proves the rule by which labels become tags: reversible, and always a name that the relay takes.
#include "protocols/tagged_name.h"

#include <catch2/catch.hpp>

#include "metric/metric_name.h"

namespace plumbago::protocols {
namespace {

std::string NameOf(const std::vector<std::pair<std::string, std::string>>& tags) {
  TaggedName name;
  name.Begin("m");
  for (const auto& [key, value] : tags) name.AddTag(key, value);
  REQUIRE(name.fault() == RefusalReason::kNone);
  return std::string(name.text());
}

TEST_CASE("TaggedName escapes what a tag cannot hold", "[protocols]") {
  CHECK(NameOf({{"dc", "x"}, {"rack", "a=1!^~/"}}) == "m;dc=x;rack=a=1!^~/");
  CHECK(NameOf({{"k", "a b;c%d\n"}}) == "m;k=a%20b%3Bc%25d%0A");
  CHECK(NameOf({{"k", "~x"}}) == "m;k=%7Ex");
  CHECK(NameOf({{"a=b!c^d", "x"}}) == "m;a%3Db%21c%5Ed=x");
  CHECK(NameOf({{"gone", ""}, {"k", "v"}}) == "m;k=v");
  CHECK(NameOf({{"k", "\xc3\xa9"}}) == "m;k=\xc3\xa9");
  TaggedName name;
  name.BeginEscaped("a/b;c d");
  CHECK(std::string(name.text()) == "a%2Fb%3Bc%20d");
}

TEST_CASE("TaggedName keeps a label called name apart from the metric", "[protocols]") {
  CHECK(NameOf({{"name", "x"}}) == "m;exported_name=x");
  CHECK(NameOf({{"exported_name", "x"}}) == "m;exported_name=x");
  TaggedName name;
  name.Begin("m");
  name.AddTag("name", "x");
  name.AddTag("exported_name", "y");
  CHECK(name.fault() == RefusalReason::kLabelConflict);
}

TEST_CASE("TaggedName makes names that Canonicalise takes, of any bytes below 0x80",
          "[protocols]") {
  for (int byte = 1; byte < 0x80; ++byte) {
    const std::string text(1, static_cast<char>(byte));
    TaggedName name;
    name.Begin("m");
    name.AddTag(text, text + text);
    name.AddTag("k" + text, "v" + text);
    std::string canonical;
    INFO(std::string(name.text()));
    CHECK(metric::Canonicalise(name.text(), &canonical) == metric::NameFault::kNone);
  }
}

TEST_CASE("TaggedName bounds the whole name", "[protocols]") {
  const auto fault = [](size_t value_bytes) {
    TaggedName name;
    name.Begin("m");
    name.AddTag("k", std::string(value_bytes, 'v'));
    CHECK(name.text().size() <= metric::kMetricBytesMax);
    return name.fault();
  };
  CHECK(fault(metric::kMetricBytesMax - 4) == RefusalReason::kNone);
  CHECK(fault(metric::kMetricBytesMax - 3) == RefusalReason::kNameTooLong);
  TaggedName name;
  name.Begin("");
  CHECK(name.fault() == RefusalReason::kNoName);
}

}  // namespace
}  // namespace plumbago::protocols
