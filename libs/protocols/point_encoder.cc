#include "protocols/point_encoder.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "metric/metric_name.h"

namespace plumbago::protocols {
namespace {

bool IsUnicodeBlank(absl::string_view rest) {
  static constexpr absl::string_view kBlanks[] = {"\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80",
                                                  "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf",
                                                  "\xe2\x81\x9f", "\xe3\x80\x80"};
  for (const absl::string_view blank : kBlanks) {
    if (absl::StartsWith(rest, blank)) return true;
  }
  // U+2000 to U+200A.
  return rest.size() >= 3 && absl::StartsWith(rest, "\xe2\x80") &&
         static_cast<unsigned char>(rest[2]) <= 0x8a;
}

// Whether a reader of lines takes `text` for one field.
bool IsOneField(absl::string_view text) {
  bool has_blank = text.empty();
  bool has_high_byte = false;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    has_blank |= byte <= 0x20 || byte == 0x7f;
    has_high_byte |= byte >= 0x80;
  }
  if (has_blank || !has_high_byte) return !has_blank;
  for (size_t i = 0; i < text.size(); ++i) {
    if (IsUnicodeBlank(text.substr(i))) return false;
  }
  return true;
}

void AppendTime(uint32_t seconds, std::string* out) {
  std::array<char, 16> text;
  const auto result = std::to_chars(text.data(), text.data() + text.size(), seconds);
  out->append(text.data(), static_cast<size_t>(result.ptr - text.data()));
}

class PlaintextEncoder final : public PointEncoder {
 public:
  bool Append(const OutgoingPoint& point, std::string* out) override {
    if (!IsOneField(point.metric)) return false;
    out->append(point.metric.data(), point.metric.size());
    out->push_back(' ');
    AppendValue(point.value, out);
    out->push_back(' ');
    AppendTime(point.time_seconds, out);
    out->push_back('\n');
    return true;
  }
  void Finish(std::string*) override {}
};

class OpenTsdbEncoder final : public PointEncoder {
 public:
  bool Append(const OutgoingPoint& point, std::string* out) override {
    if (!IsOneField(point.metric) || std::isinf(point.value)) return false;
    const size_t name_size = std::min(point.metric.find(';'), point.metric.size());
    const size_t before = out->size();
    absl::StrAppend(out, "put ", point.metric.substr(0, name_size), " ");
    AppendTime(point.time_seconds, out);
    out->push_back(' ');
    AppendValue(point.value, out);
    const bool is_expressible = name_size == point.metric.size()
                                    ? AppendTag("tenant", point.tenant, out)
                                    : AppendTags(point.metric.substr(name_size + 1), out);
    out->push_back('\n');
    if (!is_expressible) out->resize(before);
    return is_expressible;
  }
  void Finish(std::string*) override {}

 private:
  static bool AppendTag(absl::string_view key, absl::string_view value, std::string* out) {
    absl::StrAppend(out, " ", key, "=", value);
    return !absl::StrContains(value, '=');
  }

  // `tags`: "key=value;key=value".
  static bool AppendTags(absl::string_view tags, std::string* out) {
    for (;;) {
      const size_t end = std::min(tags.find(';'), tags.size());
      const absl::string_view tag = tags.substr(0, end);
      const size_t equals = tag.find('=');
      if (equals == absl::string_view::npos) return false;
      if (!AppendTag(tag.substr(0, equals), tag.substr(equals + 1), out)) return false;
      if (end == tags.size()) return true;
      tags.remove_prefix(end + 1);
    }
  }
};

static_assert(kPickledPointsMax * (metric::kMetricBytesMax + 64) < size_t{1} << 20);

// The opcodes are those of Python's pickletools.
class PickleEncoder final : public PointEncoder {
 public:
  bool Append(const OutgoingPoint& point, std::string* out) override {
    if (point_count_ == 0) payload_.assign("\x80\x02](", 4);  // PROTO 2, EMPTY_LIST, MARK
    payload_.push_back('X');                                  // BINUNICODE
    AppendLittleEndian(static_cast<uint32_t>(point.metric.size()));
    payload_.append(point.metric.data(), point.metric.size());
    AppendInteger(point.time_seconds);
    payload_.push_back('G');  // BINFLOAT
    uint64_t bits = 0;
    std::memcpy(&bits, &point.value, sizeof(bits));
    for (int shift = 56; shift >= 0; shift -= 8)
      payload_.push_back(static_cast<char>(bits >> shift));
    payload_.append("\x86\x86", 2);  // TUPLE2 of time and value, of the name and that
    if (++point_count_ == kPickledPointsMax) Finish(out);
    return true;
  }

  void Finish(std::string* out) override {
    if (point_count_ == 0) return;
    payload_.append("e.", 2);  // APPENDS, STOP
    const auto size = static_cast<uint32_t>(payload_.size());
    for (int shift = 24; shift >= 0; shift -= 8) out->push_back(static_cast<char>(size >> shift));
    out->append(payload_);
    payload_.clear();
    point_count_ = 0;
  }

 private:
  void AppendLittleEndian(uint32_t number) {
    for (int shift = 0; shift < 32; shift += 8) {
      payload_.push_back(static_cast<char>(number >> shift));
    }
  }

  void AppendInteger(uint32_t number) {
    if (number <= INT32_MAX) {
      payload_.push_back('J');  // BININT, which is signed
    } else {
      payload_.append("\x8a\x05", 2);  // LONG1 of five bytes: the sign needs a bit
    }
    AppendLittleEndian(number);
    if (number > INT32_MAX) payload_.push_back('\0');
  }

  std::string payload_;
  size_t point_count_ = 0;
};

}  // namespace

std::unique_ptr<PointEncoder> MakePointEncoder(OutgoingProtocol protocol) {
  switch (protocol) {
    case OutgoingProtocol::kPlaintext:
      return std::make_unique<PlaintextEncoder>();
    case OutgoingProtocol::kPickle:
      return std::make_unique<PickleEncoder>();
    case OutgoingProtocol::kOpenTsdb:
      break;
  }
  return std::make_unique<OpenTsdbEncoder>();
}

void AppendValue(double value, std::string* out) {
  std::array<char, 64> text;  // 17 digits, or 16 and 5 zeros, with sign and point
  const double size = std::fabs(value);
  const bool is_plain = size == 0 || (size >= 1e-5 && size < 1e17);
  char* const end = text.data() + text.size();
  const auto result = is_plain ? std::to_chars(text.data(), end, value, std::chars_format::fixed)
                               : std::to_chars(text.data(), end, value);
  out->append(text.data(), static_cast<size_t>(result.ptr - text.data()));
}

}  // namespace plumbago::protocols
