#include "routing/ring_hash.h"

#include <openssl/evp.h>

#include <bit>
#include <cstring>

#include "base/check.h"

namespace plumbago::routing {
namespace {

uint32_t Widen32(char c, CharKind kind) {
  return kind == CharKind::kSigned ? static_cast<uint32_t>(static_cast<signed char>(c))
                                   : static_cast<unsigned char>(c);
}

uint64_t Widen64(char c, CharKind kind) {
  return kind == CharKind::kSigned ? static_cast<uint64_t>(static_cast<signed char>(c))
                                   : static_cast<unsigned char>(c);
}

uint32_t MurmurScramble(uint32_t block) { return std::rotl(block * 0xcc9e2d51U, 15) * 0x1b873593U; }

}  // namespace

uint16_t CarbonPosition(absl::string_view key) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  // No secret: MD5 is what carbon spreads names with.
  PLUMBAGO_CHECK(EVP_Digest(key.data(), key.size(), digest, nullptr, EVP_md5(), nullptr) == 1);
  return static_cast<uint16_t>((digest[0] << 8) | digest[1]);
}

uint32_t Fnv1a32(absl::string_view key, CharKind kind) {
  uint32_t hash = 0x811c9dc5U;
  for (const char c : key) hash = (hash ^ Widen32(c, kind)) * 0x01000193U;
  return hash;
}

uint64_t Fnv1a64(absl::string_view key, CharKind kind) {
  uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : key) hash = (hash ^ Widen64(c, kind)) * 0x100000001b3U;
  return hash;
}

uint16_t FnvPosition(absl::string_view key, CharKind kind) {
  const uint32_t hash = Fnv1a32(key, kind);
  return static_cast<uint16_t>((hash >> 16) ^ (hash & 0xffffU));
}

// Austin Appleby's reference, smhasher/src/MurmurHash3.cpp (public domain).
int32_t Murmur3(absl::string_view key) {
  uint32_t hash = 0;
  size_t i = 0;
  for (; i + 4 <= key.size(); i += 4) {
    uint32_t block;
    std::memcpy(&block, key.data() + i, sizeof(block));
    hash = std::rotl(hash ^ MurmurScramble(block), 13) * 5 + 0xe6546b64U;
  }
  uint32_t tail = 0;
  for (size_t left = key.size(); left > i; --left) {
    tail = (tail << 8) | static_cast<unsigned char>(key[left - 1]);
  }
  hash ^= MurmurScramble(tail);
  hash ^= static_cast<uint32_t>(key.size());
  hash = (hash ^ (hash >> 16)) * 0x85ebca6bU;
  hash = (hash ^ (hash >> 13)) * 0xc2b2ae35U;
  return static_cast<int32_t>(hash ^ (hash >> 16));
}

uint32_t JumpBucket(uint64_t key, uint32_t bucket_count) {
  int64_t bucket = -1;
  int64_t next = 0;
  while (next < bucket_count) {
    bucket = next;
    key = key * 2862933555777941757U + 1;
    next = static_cast<int64_t>(
        static_cast<double>(bucket + 1) *
        (static_cast<double>(1LL << 31) / static_cast<double>((key >> 33) + 1)));
  }
  return static_cast<uint32_t>(bucket);
}

uint64_t NextJumpKey(uint64_t key) {
  key ^= key >> 12;
  key ^= key << 25;
  key ^= key >> 27;
  return key * 2685821657736338717U;
}

}  // namespace plumbago::routing
