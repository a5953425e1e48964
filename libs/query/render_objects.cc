// Lists of maps in binary form: pickle (protocol 2, which every Python reads) and msgpack.
//
// Both have the keys and types of graphite-web's TimeSeries.getInfo(). The writers are smaller than
// the use of a library for them would be; tests read the results with Python's own.
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "functions/text.h"
#include "query/internal/series_encoder.h"

namespace plumbago::query::internal {
namespace {

using functions::Series;
using functions::SeriesList;

enum class ByteOrder { kLittle, kBig };

void AppendBytes(uint64_t bits, int count, ByteOrder order, std::string& out) {
  for (int i = 0; i < count; ++i) {
    const int place = order == ByteOrder::kLittle ? i : count - 1 - i;
    out += static_cast<char>(bits >> (8 * place));
  }
}

class PickleWriter {
 public:
  static void Begin(size_t, std::string& out) { out += "\x80\x02]("; }
  static void End(std::string& out) { out += "e."; }
  static void BeginMap(std::string& out) { out += "}("; }
  static void EndMap(std::string& out) { out += 'u'; }
  static void BeginValues(size_t, std::string& out) { out += "]("; }
  static void EndValues(std::string& out) { out += 'e'; }
  static void Null(std::string& out) { out += 'N'; }
  static void Float(double value, std::string& out) {
    out += 'G';
    AppendBytes(std::bit_cast<uint64_t>(value), 8, ByteOrder::kBig, out);
  }
  static void Integer(int64_t value, std::string& out) {
    if (value >= std::numeric_limits<int32_t>::min() &&
        value <= std::numeric_limits<int32_t>::max()) {
      out += 'J';
      AppendBytes(static_cast<uint64_t>(value), 4, ByteOrder::kLittle, out);
    } else {
      out += "\x8a\x08";
      AppendBytes(static_cast<uint64_t>(value), 8, ByteOrder::kLittle, out);
    }
  }
  static void Text(absl::string_view text, std::string& out) {
    const std::string valid = functions::ValidUtf8(text);
    out += 'X';
    AppendBytes(valid.size(), 4, ByteOrder::kLittle, out);
    out += valid;
  }
};

class MsgpackWriter {
 public:
  static void Begin(size_t count, std::string& out) { Array(count, out); }
  static void End(std::string&) {}
  static void BeginMap(std::string& out) { out += '\x89'; }  // nine entries
  static void EndMap(std::string&) {}
  static void BeginValues(size_t count, std::string& out) { Array(count, out); }
  static void EndValues(std::string&) {}
  static void Null(std::string& out) { out += '\xC0'; }
  static void Float(double value, std::string& out) {
    Tagged('\xCB', std::bit_cast<uint64_t>(value), 8, out);
  }
  static void Integer(int64_t value, std::string& out) {
    const auto bits = static_cast<uint64_t>(value);
    if (value >= -32 && value < 128) {
      out += static_cast<char>(value);
    } else if (value >= 0 && value <= std::numeric_limits<uint32_t>::max()) {
      Tagged('\xCE', bits, 4, out);
    } else {
      Tagged('\xD3', bits, 8, out);
    }
  }
  static void Text(absl::string_view text, std::string& out) {
    const std::string valid = functions::ValidUtf8(text);
    if (valid.size() < 32) {
      out += static_cast<char>(0xA0 + valid.size());
    } else {
      Tagged('\xDB', valid.size(), 4, out);
    }
    out += valid;
  }

 private:
  static void Tagged(char tag, uint64_t bits, int count, std::string& out) {
    out += tag;
    AppendBytes(bits, count, ByteOrder::kBig, out);
  }
  static void Array(size_t count, std::string& out) { Tagged('\xDD', count, 4, out); }
};

template <typename Writer>
class ObjectEncoder final : public SeriesEncoder {
 public:
  void Begin(const SeriesList& list, std::string& out) override { Writer::Begin(list.size(), out); }
  bool HasPlace(const Series&) const override { return true; }
  size_t PointCount(const Series& series) const override { return series.values.size(); }
  void BeginSeries(const Series& series, std::string& out) override {
    Writer::BeginMap(out);
    AppendText("name", series.name, out);
    AppendInteger("start", series.start, out);
    AppendInteger("end", series.end, out);
    AppendInteger("step", series.step, out);
    AppendText("pathExpression", series.path_expression, out);
    AppendInteger("valuesPerPoint", 1, out);
    AppendText("consolidationFunc", ConsolidationWord(series.consolidation), out);
    Writer::Text("xFilesFactor", out);
    Writer::Float(series.x_files_factor, out);
    Writer::Text("values", out);
    Writer::BeginValues(series.values.size(), out);
  }
  void AppendPoints(const Series& series, size_t first, size_t last, std::string& out) override {
    for (size_t i = first; i < last; ++i) {
      const double value = series.values[i];
      if (std::isnan(value)) {
        Writer::Null(out);
      } else if (IsInteger(series, value)) {
        Writer::Integer(static_cast<int64_t>(value), out);
      } else {
        Writer::Float(value, out);
      }
    }
  }
  void EndSeries(std::string& out) override {
    Writer::EndValues(out);
    Writer::EndMap(out);
  }
  void End(std::string& out) override { Writer::End(out); }

 private:
  static void AppendText(absl::string_view key, absl::string_view value, std::string& out) {
    Writer::Text(key, out);
    Writer::Text(value, out);
  }
  static void AppendInteger(absl::string_view key, int64_t value, std::string& out) {
    Writer::Text(key, out);
    Writer::Integer(value, out);
  }
};

}  // namespace

std::unique_ptr<SeriesEncoder> MakePickleEncoder() {
  return std::make_unique<ObjectEncoder<PickleWriter>>();
}

std::unique_ptr<SeriesEncoder> MakeMsgpackEncoder() {
  return std::make_unique<ObjectEncoder<MsgpackWriter>>();
}

}  // namespace plumbago::query::internal
