// Values in binary form: pickle (protocol 2, which every Python reads) and msgpack.
//
// Both have the same calls, for a list of maps: Begin with the count of the list's entries, for
// each a map of keys and values with BeginMap and EndMap, at last End; lists inside by BeginValues
// and EndValues. The writers are smaller than the use of a library for them would be; tests read
// the results with Python's own.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

#include "absl/strings/string_view.h"
#include "functions/text.h"

namespace plumbago::query::internal {

enum class ByteOrder { kLittle, kBig };

inline void AppendBytes(uint64_t bits, int count, ByteOrder order, std::string& out) {
  for (int i = 0; i < count; ++i) {
    const int place = order == ByteOrder::kLittle ? i : count - 1 - i;
    out += static_cast<char>(bits >> (8 * place));
  }
}

class PickleWriter {
 public:
  static void Begin(size_t, std::string& out) { out += "\x80\x02]("; }
  static void End(std::string& out) { out += "e."; }
  static void BeginMap(size_t, std::string& out) { out += "}("; }
  static void EndMap(std::string& out) { out += 'u'; }
  static void BeginValues(size_t, std::string& out) { out += "]("; }
  static void EndValues(std::string& out) { out += 'e'; }
  static void Null(std::string& out) { out += 'N'; }
  static void Boolean(bool value, std::string& out) { out += value ? '\x88' : '\x89'; }
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
  // Of up to 15 entries.
  static void BeginMap(size_t count, std::string& out) { out += static_cast<char>(0x80 + count); }
  static void EndMap(std::string&) {}
  static void BeginValues(size_t count, std::string& out) { Array(count, out); }
  static void EndValues(std::string&) {}
  static void Null(std::string& out) { out += '\xC0'; }
  static void Boolean(bool value, std::string& out) { out += value ? '\xC3' : '\xC2'; }
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

}  // namespace plumbago::query::internal
