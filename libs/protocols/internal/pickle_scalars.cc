// The opcodes of numbers and text: the second half of PickleMachine.
#include <cmath>
#include <cstring>

#include "absl/strings/ascii.h"
#include "metric/line_parser.h"
#include "protocols/internal/pickle_machine.h"

namespace plumbago::protocols::internal {
namespace {

// Larger integers are beyond any double.
constexpr size_t kLongBytesMax = 128 + 1;

uint64_t SwapBytes(absl::string_view bytes) {
  uint64_t value = 0;
  for (const char c : bytes) value = value << 8 | static_cast<uint8_t>(c);
  return value;
}

// `magnitude` is little endian. Rounded once, as Python's float(int): the upper 64 bits are exact,
// and a last bit stands for all that is below them.
double ToDouble(const std::string& magnitude) {
  size_t size = magnitude.size();
  while (size > 0 && magnitude[size - 1] == 0) --size;
  const size_t low = size > 8 ? size - 8 : 0;
  uint64_t top = 0;
  for (size_t i = size; i-- > low;) top = top << 8 | static_cast<uint8_t>(magnitude[i]);
  for (size_t i = 0; i < low; ++i) top |= magnitude[i] != 0 ? 1 : 0;
  return std::ldexp(static_cast<double>(top), static_cast<int>(8 * low));
}

void AppendUtf8(uint32_t code, std::string* out) {
  const auto add = [out](uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    add(code);
  } else if (code < 0x800) {
    add(0xc0 | code >> 6);
    add(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    add(0xe0 | code >> 12);
    add(0x80 | (code >> 6 & 0x3f));
    add(0x80 | (code & 0x3f));
  } else {
    add(0xf0 | code >> 18);
    add(0x80 | (code >> 12 & 0x3f));
    add(0x80 | (code >> 6 & 0x3f));
    add(0x80 | (code & 0x3f));
  }
}

// Up to `count` digits of `base` (8 or 16) at the begin of `text`.
size_t ParseDigits(absl::string_view text, size_t count, uint32_t base, uint32_t* value) {
  size_t used = 0;
  *value = 0;
  while (used < count && used < text.size()) {
    const char c = absl::ascii_tolower(static_cast<unsigned char>(text[used]));
    uint32_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<uint32_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<uint32_t>(c - 'a' + 10);
    } else {
      break;
    }
    if (digit >= base) break;
    *value = *value * base + digit;
    ++used;
  }
  return used;
}

// The bytes that a backslash and `rest` stand for in a Python literal (codecs.escape_decode), and
// how many of `rest` they are. An unknown escape is a backslash.
size_t Unescape(absl::string_view rest, std::string* out) {
  constexpr absl::string_view kNames = "\\'\"abfnrtv";
  constexpr absl::string_view kMeanings = "\\'\"\a\b\f\n\r\t\v";
  uint32_t value = 0;
  if (const size_t digits = ParseDigits(rest, 3, 8, &value); digits > 0) {
    out->push_back(static_cast<char>(value));
    return digits;
  }
  if (!rest.empty() && rest[0] == 'x' && ParseDigits(rest.substr(1), 2, 16, &value) == 2) {
    out->push_back(static_cast<char>(value));
    return 3;
  }
  const size_t known = rest.empty() ? absl::string_view::npos : kNames.find(rest[0]);
  out->push_back(known == absl::string_view::npos ? '\\' : kMeanings[known]);
  return known == absl::string_view::npos ? 0 : 1;
}

}  // namespace

bool PickleMachine::LoadNumber(uint8_t opcode) {
  uint64_t integer = 0;
  absl::string_view bytes;
  switch (opcode) {
    case 'I':
    case 'L':
      return LoadDecimal(opcode == 'L');
    case 'F':
      return LoadFloatText();
    case 'J':
      if (!TakeLittleEndian(4, &integer)) return false;
      return Push(values_.AddNumber(static_cast<int32_t>(static_cast<uint32_t>(integer))));
    case 'K':
    case 'M':
      if (!TakeLittleEndian(opcode == 'K' ? 1 : 2, &integer)) return false;
      return Push(values_.AddNumber(static_cast<double>(integer)));
    case 'G': {
      if (!Take(8, &bytes)) return false;
      integer = SwapBytes(bytes);
      double number = 0;
      std::memcpy(&number, &integer, sizeof(number));
      return Push(values_.AddNumber(number));
    }
    default:  // LONG1, LONG4
      return TakeLittleEndian(opcode == 0x8a ? 1 : 4, &integer) && Take(integer, &bytes) &&
             LoadLong(bytes);
  }
}

bool PickleMachine::LoadDecimal(bool is_long) {
  absl::string_view line;
  if (!TakeLine(&line)) return false;
  if (is_long && !line.empty() && line.back() == 'L') line.remove_suffix(1);
  double number = 0;
  if (line.find_first_not_of("+-0123456789") != absl::string_view::npos ||
      !metric::ParseDouble(line, &number)) {
    return Fail(RefusalReason::kMalformed, "not an integer");
  }
  // Python's float() refuses an integer that no double can hold, so it is no number here.
  return Push(std::isinf(number) ? values_.AddNone() : values_.AddNumber(number));
}

// Two's complement, little endian, of any length.
bool PickleMachine::LoadLong(absl::string_view bytes) {
  if (bytes.size() > kLongBytesMax) return Push(values_.AddNone());
  std::string magnitude(bytes);
  const bool is_negative = !bytes.empty() && static_cast<uint8_t>(bytes.back()) >= 0x80;
  if (is_negative) {
    unsigned carry = 1;
    for (char& c : magnitude) {
      carry += static_cast<uint8_t>(~static_cast<unsigned>(static_cast<uint8_t>(c)) & 0xff);
      c = static_cast<char>(carry & 0xff);
      carry >>= 8;
    }
  }
  const double number = ToDouble(magnitude);
  if (std::isinf(number)) return Push(values_.AddNone());
  return Push(values_.AddNumber(is_negative ? -number : number));
}

bool PickleMachine::LoadFloatText() {
  absl::string_view line;
  double number = 0;
  if (!TakeLine(&line)) return false;
  if (!metric::ParseDouble(line, &number)) return Fail(RefusalReason::kMalformed, "not a float");
  return Push(values_.AddNumber(number));
}

bool PickleMachine::LoadText(uint8_t opcode) {
  size_t length_bytes = 4;
  switch (opcode) {
    case 'S':
      return LoadQuotedText();
    case 'V':
      return LoadEscapedUnicode();
    case 'U':
    case 'C':
    case 0x8c:
      length_bytes = 1;
      break;
    case 0x8d:
    case 0x8e:
      length_bytes = 8;
      break;
    default:
      break;
  }
  uint64_t size = 0;
  absl::string_view text;
  return TakeLittleEndian(length_bytes, &size) && Take(size, &text) && Push(values_.AddText(text));
}

bool PickleMachine::LoadQuotedText() {
  absl::string_view line;
  if (!TakeLine(&line)) return false;
  line = absl::StripTrailingAsciiWhitespace(line);
  if (line.size() < 2 || (line[0] != '\'' && line[0] != '"') || line.back() != line[0]) {
    return Fail(RefusalReason::kMalformed, "a string without quotes");
  }
  line = line.substr(1, line.size() - 2);
  if (line.find('\\') == absl::string_view::npos) return Push(values_.AddText(line));
  std::string text;
  for (size_t i = 0; i < line.size();) {
    if (line[i] != '\\') {
      text.push_back(line[i++]);
      continue;
    }
    i += 1 + Unescape(line.substr(i + 1), &text);
  }
  return Push(values_.AddText(values_.Own(std::move(text))));
}

// Latin-1 with \uXXXX and \UXXXXXXXX (codec raw-unicode-escape).
bool PickleMachine::LoadEscapedUnicode() {
  absl::string_view line;
  if (!TakeLine(&line)) return false;
  std::string text;
  bool is_changed = false;
  for (size_t i = 0; i < line.size();) {
    const auto byte = static_cast<uint8_t>(line[i]);
    uint32_t code = byte;
    size_t used = 1;
    if (byte == '\\' && i + 1 < line.size() && (line[i + 1] == 'u' || line[i + 1] == 'U')) {
      const size_t digits = line[i + 1] == 'u' ? 4 : 8;
      if (ParseDigits(line.substr(i + 2), digits, 16, &code) != digits || code > 0x10ffff) {
        return Fail(RefusalReason::kMalformed, "a broken \\u in a string");
      }
      used = 2 + digits;
    }
    is_changed |= used > 1 || byte >= 0x80;
    AppendUtf8(code, &text);
    i += used;
  }
  return Push(values_.AddText(is_changed ? values_.Own(std::move(text)) : line));
}

}  // namespace plumbago::protocols::internal
