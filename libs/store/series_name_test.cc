// Proves the paths of series, those of graphite-web for tagged ones, and that no name leaves its
// tenant's directory or meets another name's file.
#include "store/series_name.h"

#include <catch2/catch.hpp>

namespace plumbago::store {
namespace {

std::string Path(absl::string_view metric) {
  return SeriesPath(SeriesName("acme", metric)).value();
}

void CheckRefused(absl::string_view metric) {
  INFO(metric);
  CHECK(absl::IsInvalidArgument(SeriesPath(SeriesName("acme", metric)).status()));
}

TEST_CASE("A dotted name is a path below the tenant's directory", "[store]") {
  CHECK(Path("a.b.c") == "acme/a/b/c.wsp");
  CHECK(Path("a") == "acme/a.wsp");
  CHECK(Path("a b.\xc3\xa4") == "acme/a b/\xc3\xa4.wsp");
}

TEST_CASE("A tagged name is hashed as graphite-web does", "[store]") {
  CHECK(
      Path("disk.used;dc=x;rack=a1") ==
      "acme/_tagged/b32/60e/b3260e5f9ad2439c3431519473d9c2493791d27b327a8acfa3db1139b75c6333.wsp");
  CHECK(Path("some.metric;tag1=value2;tag2=value.2").substr(0, 20) == "acme/_tagged/eff/aae");
  CHECK(Path("a;b=../../x").substr(0, 12) == "acme/_tagged");
}

TEST_CASE("Names that would leave the directory or meet another file are refused", "[store]") {
  for (const char* metric : {"", ".", "..", "a..b", ".a", "a.", "../a", "a/b", "/a", "a.\x01",
                             "a\n", "a\x7f", "_tagged.abc.def.x", "_tagged"}) {
    CheckRefused(metric);
  }
  CheckRefused(absl::string_view("a\0b", 3));
  CheckRefused(absl::string_view("a;b=\0", 5));
  CHECK(Path("a._tagged") == "acme/a/_tagged.wsp");
}

TEST_CASE("Nodes and names have a greatest length", "[store]") {
  CHECK(SeriesPath(SeriesName("acme", std::string(kNodeBytesMax, 'a'))).ok());
  CheckRefused(std::string(kNodeBytesMax + 1, 'a'));
  std::string longest;
  while (longest.size() + 2 <= kMetricBytesMax) longest += "a.";
  longest.back() = 'a';
  CHECK(SeriesPath(SeriesName("acme", longest)).ok());
  CheckRefused(longest + ".ab");
}

TEST_CASE("A tenant is a plain directory name", "[store]") {
  for (const char* tenant : {"default", "a-b_c.d", "0"}) CHECK(CheckTenant(tenant).ok());
  for (const char* tenant : {"", ".", "..", ".hidden", "a/b", "a b", "a\n", "\xc3\xa4"}) {
    CHECK_FALSE(CheckTenant(tenant).ok());
  }
  CHECK(CheckTenant(std::string(kTenantBytesMax, 'a')).ok());
  CHECK_FALSE(CheckTenant(std::string(kTenantBytesMax + 1, 'a')).ok());
}

TEST_CASE("MetricOfPath undoes SeriesPath and refuses every other path", "[store]") {
  for (const char* metric : {"a", "a.b.c", "a b.c"}) {
    CHECK(MetricOfPath(Path(metric).substr(5)).value() == metric);
  }
  for (const char* path : {"a", ".wsp", "a.b.wsp", "a/.wsp", "a//b.wsp", "a.wsp.tmp", "a;b=c.wsp",
                           "_tagged/abc/def/x.wsp", "a.d/b.wsp"}) {
    INFO(path);
    CHECK_FALSE(MetricOfPath(path).ok());
  }
}

TEST_CASE("Series are equal only where tenant and metric are", "[store]") {
  CHECK(SeriesName("a", "bc").key() != SeriesName("ab", "c").key());
  CHECK(SeriesName("a", "b").hash() == SeriesName("a", "b").hash());
  CHECK(SeriesName("a", "b.c").tenant() == "a");
  CHECK(SeriesName("a", "b.c").metric() == "b.c");
}

}  // namespace
}  // namespace plumbago::store
