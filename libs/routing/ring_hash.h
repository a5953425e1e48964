// The hash functions behind carbon's and carbon-c-relay's rings, bit for bit.
//
// Pure and thread-safe. Sources: carbon/hashing.py; carbon-c-relay's consistent-hash.c and fnv1a.h;
// "A Fast, Minimal Memory, Consistent Hash Algorithm" (Lamping and Veach, 2014).
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace plumbago::routing {

// carbon_ch: the first 16 bits of the MD5 of `key`. 0..65535.
uint16_t CarbonPosition(absl::string_view key);

// What a byte above 0x7f counts as: carbon hashes bytes, carbon-c-relay C's plain chars, which are
// signed where it runs. For ASCII the two are one.
enum class CharKind { kUnsigned, kSigned };

uint32_t Fnv1a32(absl::string_view key, CharKind kind);
uint64_t Fnv1a64(absl::string_view key, CharKind kind);

// fnv1a_ch: the upper and the lower half of Fnv1a32, folded. 0..65535.
uint16_t FnvPosition(absl::string_view key, CharKind kind);

// mmh3_ch: MurmurHash3_x86_32 with seed 0, as Python's mmh3.hash gives it: signed.
int32_t Murmur3(absl::string_view key);

// Jump consistent hash: the bucket of `key`, 0..bucket_count-1. `bucket_count` > 0.
uint32_t JumpBucket(uint64_t key, uint32_t bucket_count);

// The hash for the next replica: xorshift64*, as carbon-c-relay takes it.
uint64_t NextJumpKey(uint64_t key);

}  // namespace plumbago::routing
