#include "functions/function_table.h"

#include <utility>

#include "base/check.h"

namespace plumbago::functions {

FunctionTable::FunctionTable(std::vector<FunctionDefinition> definitions) {
  for (FunctionDefinition& definition : definitions) {
    auto owned = std::make_unique<const FunctionDefinition>(std::move(definition));
    PLUMBAGO_CHECK(owned->evaluate != nullptr);
    for (size_t i = 0; i + 1 < owned->parameters.size(); ++i) {
      PLUMBAGO_CHECK(!owned->IsRepeated(i));
    }
    PLUMBAGO_CHECK(by_name_.emplace(owned->name, owned.get()).second);
    for (const std::string& alias : owned->aliases) {
      PLUMBAGO_CHECK(by_name_.emplace(alias, owned.get()).second);
    }
    definitions_.push_back(std::move(owned));
  }
}

const FunctionDefinition* FunctionTable::Find(absl::string_view name) const {
  // Debian's std::less<> does not compare std::string with absl::string_view.
  const auto entry = by_name_.find(std::string(name));
  return entry == by_name_.end() ? nullptr : entry->second;
}

}  // namespace plumbago::functions
