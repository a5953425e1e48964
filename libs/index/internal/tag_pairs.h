// The distinct pairs of tag and value of one tenant, known by a small number, and which series have
// them. Tags, and the values of each, are ordered for completion.
//
// Not thread-safe; reading is safe while nobody writes. Texts are kept once. A pair lives as long
// as a series has it; its number may then stand for another, after `removal_count` has changed.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/strings/string_view.h"
#include "index/internal/chunked_array.h"
#include "index/internal/id_set.h"
#include "index/internal/name_pool.h"

namespace plumbago::index::internal {

class TagPairs {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  TagPairs();
  TagPairs(const TagPairs&) = delete;
  TagPairs& operator=(const TagPairs&) = delete;

  // The number of the pair, which one series more has.
  uint32_t Acquire(absl::string_view tag, absl::string_view value);
  // One series less has it. True: it was the last, and the pair is gone. Its postings stay until
  // they are taken.
  bool Release(uint32_t pair);

  uint32_t Find(absl::string_view tag, absl::string_view value) const;  // kNone
  absl::string_view TagOf(uint32_t pair) const { return texts_.Text(pairs_[pair].tag); }
  absl::string_view ValueOf(uint32_t pair) const { return texts_.Text(pairs_[pair].value); }
  uint32_t SeriesCountOf(uint32_t pair) const { return pairs_[pair].series_count; }
  // The caller keeps in it the numbers of the series, in no order. It may leave some that are gone.
  std::vector<uint32_t>& PostingsOf(uint32_t pair) { return pairs_[pair].postings; }
  const std::vector<uint32_t>& PostingsOf(uint32_t pair) const { return pairs_[pair].postings; }
  uint64_t removal_count() const { return removal_count_; }

  struct ByValue {
    using is_transparent = void;
    const TagPairs* pairs;
    bool operator()(uint32_t a, uint32_t b) const { return pairs->ValueOf(a) < pairs->ValueOf(b); }
    bool operator()(uint32_t a, absl::string_view b) const { return pairs->ValueOf(a) < b; }
    bool operator()(absl::string_view a, uint32_t b) const { return a < pairs->ValueOf(b); }
  };
  struct Tag {
    uint64_t series_count = 0;
    absl::btree_set<uint32_t, ByValue> pairs;  // by value
  };
  struct ByText {
    using is_transparent = void;
    const NamePool* texts;
    bool operator()(uint32_t a, uint32_t b) const { return texts->Text(a) < texts->Text(b); }
    bool operator()(uint32_t a, absl::string_view b) const { return texts->Text(a) < b; }
    bool operator()(absl::string_view a, uint32_t b) const { return a < texts->Text(b); }
  };
  using Tags = absl::btree_map<uint32_t, Tag, ByText>;
  // By name; a key is the number of a text.
  const Tags& tags() const { return tags_; }
  absl::string_view TextOf(uint32_t text) const { return texts_.Text(text); }
  const Tag* FindTag(absl::string_view tag) const;  // null

  uint64_t HashOf(uint32_t pair) const { return HashOfPair(pairs_[pair].tag, pairs_[pair].value); }

 private:
  struct Pair {
    uint32_t tag = 0;  // a text
    uint32_t value = 0;
    uint32_t series_count = 0;
    std::vector<uint32_t> postings;
  };

  static uint64_t HashOfPair(uint32_t tag, uint32_t value);
  uint32_t FindByTexts(uint32_t tag, uint32_t value) const;

  NamePool texts_;
  ChunkedArray<Pair> pairs_;
  std::vector<uint32_t> free_pairs_;
  IdSet<TagPairs> ids_;
  Tags tags_;
  uint64_t removal_count_ = 0;
};

}  // namespace plumbago::index::internal
