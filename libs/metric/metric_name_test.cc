// Proves which names are refused and why, at and over each limit, and the canonical form of tags.
#include "metric/metric_name.h"

#include <catch2/catch.hpp>
#include <string>

namespace plumbago::metric {
namespace {

std::string Canonical(const std::string& metric) {
  std::string canonical;
  const NameFault fault = Canonicalise(metric, &canonical);
  return fault == NameFault::kNone ? canonical : std::string("!") + NameFaultWord(fault);
}

TEST_CASE("Canonicalise leaves dotted names as they are", "[metric]") {
  for (const std::string name :
       {"a", "a.b.c", "host-1.cpu_0.load:5m", "caf\xc3\xa9.count", "a b"}) {
    CHECK(Canonical(name) == name);
  }
}

TEST_CASE("Canonicalise refuses path tricks and control bytes", "[metric]") {
  CHECK(Canonical("") == "!empty_name");
  for (const std::string name : {".", "..", ".a", "a.", "a..b", "...", "a...b"}) {
    CHECK(Canonical(name) == "!empty_node");
  }
  for (const std::string name : {"/etc/passwd", "a/b", "a./b", "../x"}) {
    CHECK((Canonical(name) == "!slash_in_name" || Canonical(name) == "!empty_node"));
  }
  CHECK(Canonical(std::string("a\0b", 3)) == "!control_byte");
  CHECK(Canonical("a\x1b[31m") == "!control_byte");
  CHECK(Canonical("a\x7f") == "!control_byte");
  CHECK(Canonical("a\xff") == "!invalid_utf8");
  CHECK(Canonical("a\xc0\xaf") == "!invalid_utf8");      // overlong '/'
  CHECK(Canonical("a\xed\xa0\x80") == "!invalid_utf8");  // surrogate
  CHECK(Canonical("a\xc3") == "!invalid_utf8");
}

TEST_CASE("Canonicalise holds the limits on names and nodes", "[metric]") {
  const std::string node(kNodeBytesMax, 'x');
  CHECK(Canonical(node) == node);
  CHECK(Canonical(node + "x") == "!name_too_long");
  std::string name = "y";
  while (name.size() < kMetricBytesMax) name += name.size() % 2 == 0 ? "x" : ".";
  name.back() = 'x';
  CHECK(name.size() == kMetricBytesMax);
  CHECK(Canonical(name) == name);
  CHECK(Canonical(name + "x") == "!name_too_long");
}

TEST_CASE("Canonicalise sorts tags as carbon does", "[metric]") {
  CHECK(Canonical("disk.used;rack=a1;dc=x") == "disk.used;dc=x;rack=a1");
  CHECK(Canonical("a;k=1;k=2") == "a;k=2");
  CHECK(Canonical("a;name=b;k=1") == "a;k=1");
  CHECK(Canonical("a;k=x/y.z") == "a;k=x/y.z");
  CHECK(Canonical("a;ab=1;a=2") == "a;a=2;ab=1");
  CHECK(Canonical("a;a-b=1;a=2") == "a;a-b=1;a=2");  // '-' sorts before '='
}

TEST_CASE("Canonicalise refuses malformed tags", "[metric]") {
  for (const std::string metric : {"a;", "a;k", "a;=v", "a;k=", "a;k=~v", "a;k!=v", "a;k=1;;j=2"}) {
    CHECK(Canonical(metric) == "!invalid_tag");
  }
  CHECK(Canonical(";k=v") == "!empty_name");
}

}  // namespace
}  // namespace plumbago::metric
