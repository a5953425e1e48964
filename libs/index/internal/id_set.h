// A set of small numbers that stand for something kept elsewhere (a name, a node), found by that
// something's hash: 5.7 to 11.4 bytes a number.
//
// It is split into parts that grow by themselves: a table of tens of millions is never moved in one
// piece, which would hold up everybody for a second. Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/container/flat_hash_set.h"

namespace plumbago::index::internal {

// `Owner` has `uint64_t HashOf(uint32_t id) const`, of well mixed bits, and must not move.
template <typename Owner>
class IdSet {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  explicit IdSet(const Owner& owner) {
    for (Part& part : parts_) part = Part(0, Hash{&owner}, Equal{});
  }

  // The number with this hash for which `is_it` is true, or kNone.
  template <typename Predicate>
  uint32_t Find(uint64_t hash, const Predicate& is_it) const {
    const Part& part = parts_[PartOf(hash)];
    const auto found = part.find(Key<Predicate>{hash, is_it});
    return found == part.end() ? kNone : *found;
  }

  // `id` must not be there, and be there, respectively.
  void Insert(uint64_t hash, uint32_t id) { parts_[PartOf(hash)].insert(id); }
  void Erase(uint64_t hash, uint32_t id) { parts_[PartOf(hash)].erase(id); }

 private:
  static constexpr size_t kPartBits = 6;
  static size_t PartOf(uint64_t hash) { return hash >> (64 - kPartBits); }

  template <typename Predicate>
  struct Key {
    uint64_t hash;
    const Predicate& is_it;
  };
  struct Hash {
    using is_transparent = void;
    const Owner* owner = nullptr;
    size_t operator()(uint32_t id) const { return owner->HashOf(id); }
    template <typename Predicate>
    size_t operator()(const Key<Predicate>& key) const {
      return key.hash;
    }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(uint32_t a, uint32_t b) const { return a == b; }
    template <typename Predicate>
    bool operator()(uint32_t id, const Key<Predicate>& key) const {
      return key.is_it(id);
    }
  };
  using Part = absl::flat_hash_set<uint32_t, Hash, Equal>;

  std::array<Part, size_t{1} << kPartBits> parts_;
};

}  // namespace plumbago::index::internal
