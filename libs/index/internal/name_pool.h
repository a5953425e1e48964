// The distinct node names of a tree, each kept once and known by a small number.
//
// Not thread-safe. A name lives as long as someone holds a reference to it.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"

namespace plumbago::index::internal {

class NamePool {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  NamePool() : ids_(0, Hash{&names_}, Equal{&names_}) {}
  NamePool(const NamePool&) = delete;
  NamePool& operator=(const NamePool&) = delete;

  // The number of `name`, with one reference more.
  uint32_t Acquire(absl::string_view name);
  void Release(uint32_t id);

  // kNone where there is no such name.
  uint32_t Find(absl::string_view name) const;
  absl::string_view Text(uint32_t id) const { return names_[id].text; }

 private:
  struct Name {
    std::string text;
    uint32_t references = 0;
  };
  using Names = std::deque<Name>;  // stays in place while it grows

  struct Hash {
    using is_transparent = void;
    const Names* names;
    size_t operator()(uint32_t id) const { return (*this)(absl::string_view((*names)[id].text)); }
    size_t operator()(absl::string_view text) const;
  };
  struct Equal {
    using is_transparent = void;
    const Names* names;
    bool operator()(uint32_t a, uint32_t b) const { return a == b; }
    bool operator()(uint32_t id, absl::string_view text) const {
      return absl::string_view((*names)[id].text) == text;
    }
    bool operator()(absl::string_view text, uint32_t id) const { return (*this)(id, text); }
  };

  Names names_;
  std::vector<uint32_t> free_;
  absl::flat_hash_set<uint32_t, Hash, Equal> ids_;
};

}  // namespace plumbago::index::internal
