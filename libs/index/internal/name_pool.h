// The distinct texts of a tree or a table, each kept once and known by a small number.
//
// Not thread-safe. A text lives as long as someone holds a reference to it; its number may then
// stand for another one. At most 2^29 texts.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/strings/string_view.h"
#include "index/internal/chunked_array.h"
#include "index/internal/id_set.h"

namespace plumbago::index::internal {

class NamePool {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr uint32_t kNamesMax = 1u << 29;

  NamePool() : ids_(*this) {}
  NamePool(const NamePool&) = delete;
  NamePool& operator=(const NamePool&) = delete;

  // The number of `name`, with one reference more.
  uint32_t Acquire(absl::string_view name);
  void AddReference(uint32_t id) { ++names_[id].references; }
  void Release(uint32_t id);

  // All numbers in use are below; few of these are not in use.
  uint32_t id_end() const { return names_.size(); }
  bool IsInUse(uint32_t id) const { return names_[id].references > 0; }
  // kNone where there is no such name.
  uint32_t Find(absl::string_view name) const;
  absl::string_view Text(uint32_t id) const { return {names_[id].text.get(), names_[id].size}; }

  uint64_t HashOf(uint32_t id) const;

 private:
  struct Name {
    std::unique_ptr<char[]> text;  // without a terminating zero
    uint32_t size = 0;
    uint32_t references = 0;
  };

  uint32_t FindHashed(uint64_t hash, absl::string_view name) const;

  ChunkedArray<Name> names_;
  std::vector<uint32_t> free_;
  IdSet<NamePool> ids_;
};

}  // namespace plumbago::index::internal
