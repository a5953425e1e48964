#include "protocols/internal/pickle_values.h"

#include <algorithm>

namespace plumbago::protocols::internal {

PickleValues::Id PickleValues::Add(const Value& value) {
  values_.push_back(value);
  return static_cast<Id>(values_.size() - 1);
}

PickleValues::Id PickleValues::AddNumber(double number) {
  Value value{PickleKind::kNumber, 0, 0, {}};
  value.number = number;
  return Add(value);
}

PickleValues::Id PickleValues::AddText(absl::string_view text) {
  Value value{PickleKind::kString, 0, static_cast<uint32_t>(text.size()), {}};
  value.text = text.data();
  return Add(value);
}

PickleValues::Id PickleValues::AddContainer(PickleKind kind) {
  Value value{kind, 1, 0, {}};
  value.cells = {kNoId, kNoId};
  return Add(value);
}

void PickleValues::Append(Id container, Id value) {
  Deepen(container, value);
  const auto cell = static_cast<uint32_t>(cells_.size());
  cells_.push_back({value, kNoId});
  Value& owner = values_[container];
  if (owner.size++ == 0) {
    owner.cells.first = cell;
  } else {
    cells_[owner.cells.last].next = cell;
  }
  owner.cells.last = cell;
}

void PickleValues::Deepen(Id container, Id value) {
  const auto depth = static_cast<uint8_t>(values_[value].depth + 1);
  values_[container].depth = std::max(values_[container].depth, depth);
}

}  // namespace plumbago::protocols::internal
