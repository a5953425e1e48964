// The functions that targets can call, by name and alias.
//
// Immutable after construction, thread-safe. Built once in main and passed by reference.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "functions/definition.h"

namespace plumbago::functions {

class FunctionTable {
 public:
  // Every name and alias occurs once; a repeated parameter comes last: broken invariants otherwise.
  explicit FunctionTable(std::vector<FunctionDefinition> definitions);

  // Null where there is none.
  const FunctionDefinition* Find(absl::string_view name) const;

  // Definitions by every name they have, sorted by name.
  const std::map<std::string, const FunctionDefinition*, std::less<>>& by_name() const {
    return by_name_;
  }

 private:
  std::vector<std::unique_ptr<const FunctionDefinition>> definitions_;
  std::map<std::string, const FunctionDefinition*, std::less<>> by_name_;
};

// All functions of builtin/.
FunctionTable MakeBuiltinFunctions();

}  // namespace plumbago::functions
