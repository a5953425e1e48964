#include "protocols/internal/crc32c.h"

#include <array>

namespace plumbago::protocols::internal {
namespace {

constexpr size_t kStepBytes = 8;
using Tables = std::array<std::array<uint32_t, 256>, kStepBytes>;

// Table k has the effect of a byte that is followed by k others ("slicing by 8", Kounavis and
// Berry, 2005). 0x82f63b78 is the polynomial with its bits reversed.
constexpr Tables MakeTables() {
  Tables tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
    tables[0][byte] = crc;
  }
  for (size_t k = 1; k < kStepBytes; ++k) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint32_t crc = tables[k - 1][byte];
      tables[k][byte] = crc >> 8 ^ tables[0][crc & 255];
    }
  }
  return tables;
}

constexpr Tables kTables = MakeTables();

uint8_t ByteAt(absl::string_view bytes, size_t i) { return static_cast<uint8_t>(bytes[i]); }

}  // namespace

uint32_t Crc32c(absl::string_view bytes) {
  uint32_t crc = 0xffffffff;
  for (; bytes.size() >= kStepBytes; bytes.remove_prefix(kStepBytes)) {
    uint32_t next = 0;
    for (size_t i = 0; i < kStepBytes; ++i) {
      const uint32_t mixed = i < 4 ? ByteAt(bytes, i) ^ (crc >> (8 * i) & 255) : ByteAt(bytes, i);
      next ^= kTables[kStepBytes - 1 - i][mixed];
    }
    crc = next;
  }
  for (size_t i = 0; i < bytes.size(); ++i) {
    crc = crc >> 8 ^ kTables[0][(crc ^ ByteAt(bytes, i)) & 255];
  }
  return ~crc;
}

}  // namespace plumbago::protocols::internal
