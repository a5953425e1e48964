// Proves SHA-256 by a published vector and that random texts have the promised alphabet and length.
#include "base/random.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "absl/strings/escaping.h"
#include "base/sha256.h"

namespace plumbago::base {
namespace {

TEST_CASE("Sha256 gives the digest of FIPS 180-2", "[base]") {
  CHECK(absl::BytesToHexString(Sha256("abc")) ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("RandomBase62 uses all 62 characters about equally often", "[base]") {
  SeededRandom random(1);
  const std::string text = RandomBase62(random, 62'000);
  CHECK(text.size() == 62'000);
  const std::set<char> used(text.begin(), text.end());
  CHECK(used.size() == 62);
  for (const char character : used) {
    const auto count = std::count(text.begin(), text.end(), character);
    CHECK(count > 800);
    CHECK(count < 1200);
  }
}

TEST_CASE("SecureRandom does not repeat itself", "[base]") {
  SecureRandom random;
  CHECK(RandomBase62(random, 32) != RandomBase62(random, 32));
}

}  // namespace
}  // namespace plumbago::base
