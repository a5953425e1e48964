// Proves that pickles of points are read, that nothing but plain values is ever built, and that
// each bound holds. What Python writes is compared in
// tests/conformance/pickle_differential_test.py.
#include "protocols/pickle.h"

#include <catch2/catch.hpp>
#include <limits>
#include <set>

#include "metric/metric_name.h"
#include "protocols/internal/pickle_values.h"
#include "protocols/testing/recording_sink.h"

namespace plumbago::protocols {
namespace {

using Strings = std::vector<std::string>;

constexpr uint32_t kNow = 1'700'000'000;

// A literal with zeros in it.
template <size_t kSize>
std::string Bytes(const char (&text)[kSize]) {
  return std::string(text, kSize - 1);
}

RecordingSink Decode(const std::string& payload, bool is_ok = true) {
  RecordingSink sink;
  const absl::Status status = DecodePickle(payload, kNow, sink);
  INFO(status);
  CHECK(status.ok() == is_ok);
  return sink;
}

// A message that is refused as a whole.
void Refuses(const std::string& payload, const std::string& reason) {
  const RecordingSink sink = Decode(payload, false);
  CHECK(sink.points.empty());
  CHECK(sink.refusals == Strings{reason + "@0"});
}

// One element, given as protocol 0, in a list.
RecordingSink DecodeElement(const std::string& element) { return Decode("(l" + element + "a."); }

TEST_CASE("DecodePickle reads what carbon's clients write by hand", "[protocols]") {
  // Protocol 0, as statsd 0.9.0 writes it: numbers are strings.
  CHECK(Decode("(l(S'a.b'\n(L1700000001L\nS'1.5'\ntta.").Lines() == Strings{"a.b 1.5 1700000001"});
  // Protocol 2 with memo: the name is given once.
  CHECK(Decode(Bytes("\x80\x02]q\0(X\x01\0\0\0aq\x01K\x05K\x07\x86\x86h\x01K\x06G\x3f\xf8\0\0\0\0\0"
                     "\0\x86\x86"
                     "e."))
            .Lines() == Strings{"a 7 5", "a 1.5 6"});
  // Protocol 4 with a frame and MEMOIZE.
  CHECK(Decode(Bytes("\x80\x04\x95\x10\0\0\0\0\0\0\0]\x94(\x8c\x01z\x94M\x39\x30\x88\x86\x94\x86"
                     "\x94"
                     "e."))
            .Lines() == Strings{"z 1 12345"});
}

TEST_CASE("DecodePickle is as lenient as carbon and go-carbon", "[protocols]") {
  CHECK(DecodeElement("(lS'a'\na(lI5\naI7\naa").Lines() == Strings{"a 7 5"});  // lists
  CHECK(DecodeElement("(S'a'\n(I5\nI7\nt(I6\nI8\ntt").Lines() == Strings{"a 7 5", "a 8 6"});
  CHECK(DecodeElement("(S'a'\n(S' 5 '\nI01\ntt").Lines() == Strings{"a 1 5"});
  CHECK(DecodeElement("(S'a'\n(I-1\nI7\ntt").Lines() == Strings{"a 7 1700000000"});
  CHECK(DecodeElement("(S'a'\n(F5.9\nF1e3\ntt").Lines() == Strings{"a 1000 5"});
  CHECK(Decode("(t.").points.empty());
  CHECK(Decode("\x8f((S'a'\n(I5\nI7\ntt\x90.").Lines() == Strings{"a 7 5"});  // a set
}

TEST_CASE("DecodePickle skips a bad element and counts it", "[protocols]") {
  const std::string good = "(S'a'\n(I5\nI7\ntta";
  const auto refuses = [&](const std::string& element, const std::string& reason) {
    INFO(element);
    const RecordingSink sink = Decode("(l" + good + element + "a" + good + ".");
    CHECK(sink.points.size() == 2);
    CHECK(sink.refusals == Strings{reason + "@2"});
  };
  refuses("N", "bad_shape");
  refuses("(d", "bad_shape");
  refuses("(S'a'\nt", "bad_shape");
  refuses("(I1\n(I5\nI7\ntt", "bad_shape");
  refuses("(S'a'\nI5\nt", "bad_shape");
  refuses("(S'a'\n(I5\nI7\nI9\ntt", "bad_shape");
  refuses("(S'a'\n(S'soon'\nI7\ntt", "bad_timestamp");
  refuses("(S'a'\n(NI7\ntt", "bad_timestamp");
  refuses("(S'a'\n(Fnan\nI7\ntt", "bad_timestamp");
  refuses("(S'a'\n(I0\nI7\ntt", "time_out_of_range");
  refuses("(S'a'\n(L4294967296L\nI7\ntt", "time_out_of_range");
  refuses("(S'a'\n(I5\nFnan\ntt", "bad_value");
  refuses("(S'a'\n(I5\n(ttt", "bad_value");
  refuses("(S'a'\n(I5\nL1" + std::string(400, '0') + "L\ntt", "bad_value");
  const std::string name(metric::kMetricBytesMax, 'n');
  CHECK(DecodeElement("(S'" + name + "'\n(I5\nI7\ntt").points.size() == 1);
  refuses("(S'" + name + "n'\n(I5\nI7\ntt", "name_too_long");
}

TEST_CASE("DecodePickle refuses everything that could run code", "[protocols]") {
  Refuses("cos\nsystem\n(S'true'\ntR.", "pickle_class");
  Refuses("(S'true'\nios\nsystem\n.", "pickle_class");
  for (const char opcode : std::string("cRbioPQ\x81\x82\x83\x84\x92\x93\x96\x97\x98")) {
    // What is good before the opcode is not handed on.
    Refuses(std::string("(l(S'a'\n(I5\nI7\ntta") + opcode + "os\nsystem\n.", "pickle_class");
  }
}

TEST_CASE("DecodePickle refuses a pickle that is cut off at any byte", "[protocols]") {
  const std::string pickle = Bytes(
      "\x80\x04\x95\x10\0\0\0\0\0\0\0]\x94(\x8c\x01z\x94M\x39\x30\x8a\x01\x05\x86(X\x01\0\0\0yG"
      "\0\0\0\0\0\0\0\0S'x'\nV\\u0041\nI7\nLL\nF1\nt0e.");
  for (size_t size = 0; size < pickle.size(); ++size) {
    RecordingSink sink;
    CHECK_FALSE(DecodePickle(pickle.substr(0, size), kNow, sink).ok());
    CHECK(sink.points.empty());
  }
}

TEST_CASE("DecodePickle names what is malformed", "[protocols]") {
  Refuses("", "malformed");
  Refuses(".", "malformed");
  Refuses("\x80\x06.", "malformed");
  Refuses("\xff.", "malformed");
  Refuses("S'a\n.", "malformed");
  Refuses("Sa\n.", "malformed");
  Refuses("V\\u12\n.", "malformed");
  Refuses("Ix\n.", "malformed");
  Refuses("Fx\n.", "malformed");
  Refuses("gx\n.", "malformed");
  Refuses("h\x05.", "malformed");
  Refuses("t.", "malformed");
  Refuses("I1\na.", "malformed");
  Refuses("I1\nI2\na.", "malformed");
  Refuses("(l(a.", "malformed");    // the list is below the mark
  Refuses("(I1\nd.", "malformed");  // a key without a value
  Refuses("}I1\nI2\nI3\nu.", "malformed");
  Refuses("0.", "malformed");
  Refuses("I1\n.", "bad_shape");
  Refuses("(d.", "bad_shape");
}

TEST_CASE("DecodePickle reads numbers as Python's float() does", "[protocols]") {
  const auto value = [](const std::string& number) {
    const RecordingSink sink = DecodeElement("(S'a'\n(I5\n" + number + "tt");
    REQUIRE(sink.points.size() == 1);
    return sink.points[0].value;
  };
  CHECK(value(Bytes("J\xfe\xff\xff\xff")) == -2);
  CHECK(value(Bytes("K\xff")) == 255);
  CHECK(value(Bytes("M\xff\xff")) == 65535);
  CHECK(value(Bytes("\x8a\0")) == 0);
  CHECK(value(Bytes("\x8a\x01\x80")) == -128);
  CHECK(value(Bytes("\x8a\x09\0\0\0\0\0\0\0\0\x01")) == 18446744073709551616.0);
  // 2^64 + 2^11 is a tie and goes to even; one more is above the tie.
  CHECK(value(Bytes("\x8a\x09\0\x08\0\0\0\0\0\0\x01")) == 18446744073709551616.0);
  CHECK(value(Bytes("\x8a\x09\x01\x08\0\0\0\0\0\0\x01")) == 18446744073709555712.0);
  CHECK(value(Bytes("\x8b\x02\0\0\0\x01\x02")) == 513);
  CHECK(value("L-12345678901234567890L\n") == -12345678901234567890.0);
  CHECK(value("I00\n") == 0);
  CHECK(value("Finf\n") == std::numeric_limits<double>::infinity());
}

TEST_CASE("DecodePickle moves values on its stack and through its memo as Python does",
          "[protocols]") {
  const std::string element = "(S'a'\n(I5\nI7\ntt";
  const auto gives_one = [](const std::string& pickle) {
    INFO(pickle);
    CHECK(Decode(pickle).Lines() == Strings{"a 7 5"});
  };
  gives_one("(l" + element + "p7\n0g7\na.");  // PUT, POP, GET
  gives_one(Bytes("]") + element +
            Bytes("r\x07\0\0\0"
                  "0j\x07\0\0\0a."));
  gives_one("(l" + element + "(I1\nI2\n1a.");                        // POP_MARK
  gives_one("(l" + element + "(0a.");                                // POP takes a mark
  gives_one("(l" + element + "20a.");                                // DUP
  gives_one("(l" + element + "(I1\nI2\nd}I1\nI2\ns(I3\nI4\nu00a.");  // dicts, thrown away
  gives_one("(" + element + "\x91.");                                // a frozenset
  gives_one("(l(" + element + "e.");
  gives_one("(" + element + "l.");
  gives_one("(" + element + "t.");
  gives_one(
      Bytes("](B\x01\0\0\0aK\x05K\x07\x86\x86"
            "e."));  // bytes as a name
}

TEST_CASE("Every refusal reason has a word of its own, shared with those of lines", "[protocols]") {
  std::set<std::string> words;
  for (size_t i = 0; i < kRefusalReasonCount; ++i) {
    words.insert(RefusalReasonWord(static_cast<RefusalReason>(i)));
  }
  CHECK(words.size() == kRefusalReasonCount);
  using metric::LineFault;
  for (const LineFault fault : {LineFault::kNone, LineFault::kFieldCount, LineFault::kBadValue,
                                LineFault::kBadTimestamp, LineFault::kTimeOutOfRange}) {
    CHECK(std::string(RefusalReasonWord(ReasonOf(fault))) == metric::LineFaultWord(fault));
  }
}

TEST_CASE("DecodePickle unescapes the strings of protocol 0", "[protocols]") {
  const auto name = [](const std::string& text) {
    const RecordingSink sink = DecodeElement("(" + text + "(I5\nI7\ntt");
    REQUIRE(sink.points.size() == 1);
    return sink.points[0].metric;
  };
  CHECK(name("S'a\\'b\\\\c\\x41\\101\\t\\q'\n") == "a'b\\cAA\t\\q");
  CHECK(name("S\"it's\"\n") == "it's");
  CHECK(name("V\\u00e9\xe9\\U0001f600\\n\n") == "\xc3\xa9\xc3\xa9\xf0\x9f\x98\x80\\n");
}

TEST_CASE("DecodePickle bounds nesting just where it says", "[protocols]") {
  const auto nested = [](size_t depth) {  // tuples around None, below a list
    return "]N" + std::string(depth - 1, '\x85') + "a.";
  };
  CHECK(Decode(nested(8)).refusals == Strings{"bad_shape@1"});
  Refuses(nested(9), "too_deep");
  const auto marks = [](size_t count) {
    return std::string(count, '(') + std::string(count, 'l') + ".";
  };
  CHECK(Decode(marks(8)).refusals == Strings{"bad_shape@1"});
  Refuses(marks(9), "too_deep");
  // A list within itself.
  Refuses(
      Bytes("]q\0") +
          [] {
            std::string appends;
            for (int i = 0; i < 9; ++i) appends += Bytes("h\0a");
            return appends;
          }() +
          ".",
      "too_deep");
}

TEST_CASE("DecodePickle bounds values and points, however few bytes mean them", "[protocols]") {
  constexpr size_t kValues = internal::PickleValues::kCountMax;
  // N and the list: one value less than the bound is left for a cell each.
  const auto nones = [](size_t count) { return "](" + std::string(count, 'N') + "e."; };
  CHECK(Decode(nones(kValues - 2)).refusals.size() == kValues - 2);
  Refuses(nones(kValues), "too_large");
  // 2^k elements that are all the same tuple of 2^k points.
  const auto product = [](size_t elements, size_t points) {
    std::string pickle = Bytes(
        "](U\x01"
        "aK\x05K\x07\x86q\0");
    for (size_t i = 1; i < points; ++i) pickle += Bytes("h\0");
    pickle += Bytes(
        "tq\x01"
        "a(");
    for (size_t i = 1; i < elements; ++i) pickle += Bytes("h\x01");
    return pickle + "e.";
  };
  CHECK(Decode(product(512, 1024)).points.size() == kPicklePointsMax);
  Refuses(product(513, 1024), "too_large");
  Refuses(Bytes("]r\0\0\0\xff."), "too_large");  // a memo that nobody could have filled
}

}  // namespace
}  // namespace plumbago::protocols
