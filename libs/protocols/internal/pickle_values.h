// The values that a pickle may hold, in flat arrays: nothing else can be built.
//
// A value is an index. Strings are views into the payload (or into text that had to be unescaped),
// so a string that is referred to a million times is kept once. Sequences are linked lists of
// cells, which makes appending cheap and memory proportional to the payload.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace plumbago::protocols::internal {

enum class PickleKind : uint8_t { kNone, kNumber, kString, kTuple, kList, kSet, kDict };

class PickleValues {
 public:
  using Id = uint32_t;
  static constexpr Id kNoId = UINT32_MAX;
  // Values and cells, each. A point takes five of either, in the densest pickle eight bytes.
  static constexpr size_t kCountMax = size_t{1} << 19;

  struct Cell {
    Id value;
    uint32_t next;  // kNoId at the end
  };

  bool IsFull() const { return values_.size() >= kCountMax || cells_.size() >= kCountMax; }

  Id AddNone() { return Add(Value{PickleKind::kNone, 0, 0, {}}); }
  Id AddNumber(double number);
  Id AddText(absl::string_view text);
  Id AddContainer(PickleKind kind);
  // Keeps a text that is not in the payload.
  absl::string_view Own(std::string text) { return owned_.emplace_back(std::move(text)); }

  void Append(Id container, Id value);
  // Counts how deep `value` makes `container`: what is done instead of Append where contents are
  // not kept.
  void Deepen(Id container, Id value);

  PickleKind KindOf(Id id) const { return values_[id].kind; }
  // 0 for what is not a container.
  uint8_t DepthOf(Id id) const { return values_[id].depth; }
  double NumberOf(Id id) const { return values_[id].number; }
  absl::string_view TextOf(Id id) const { return {values_[id].text, values_[id].size}; }
  size_t SizeOf(Id id) const { return values_[id].size; }
  // The first cell of a sequence, or kNoId.
  uint32_t FirstCell(Id id) const { return values_[id].cells.first; }
  const Cell& CellAt(uint32_t cell) const { return cells_[cell]; }
  bool IsSequence(Id id) const {
    return KindOf(id) == PickleKind::kTuple || KindOf(id) == PickleKind::kList;
  }

 private:
  struct CellRange {
    uint32_t first;
    uint32_t last;
  };
  struct Value {
    PickleKind kind;
    uint8_t depth;
    uint32_t size;  // bytes of a text, values of a sequence
    union {
      double number;
      const char* text;
      CellRange cells;
    };
  };
  static_assert(sizeof(Value) == 16);

  Id Add(const Value& value);

  std::vector<Value> values_;
  std::vector<Cell> cells_;
  std::deque<std::string> owned_;
};

}  // namespace plumbago::protocols::internal
