#include "base/random.h"

#include <sys/random.h>

#include "base/check.h"

namespace plumbago::base {

uint8_t SecureRandom::Byte() {
  uint8_t byte = 0;
  PLUMBAGO_CHECK(getrandom(&byte, 1, 0) == 1);
  return byte;
}

std::string RandomBase62(Random& random, size_t length) {
  constexpr absl::string_view kDigits =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  constexpr uint8_t kUnbiased = 256 / 62 * 62;  // bytes from here on would favour the first digits
  std::string text;
  while (text.size() < length) {
    const uint8_t byte = random.Byte();
    if (byte < kUnbiased) text.push_back(kDigits[byte % kDigits.size()]);
  }
  return text;
}

}  // namespace plumbago::base
