// From the arguments of a parsed call to those of a definition: positions and keywords, types,
// defaults. Every mistake is InvalidArgument and names function, parameter, value and what is
// allowed.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "functions/call.h"
#include "functions/expression.h"
#include "functions/function_table.h"

namespace plumbago::functions {

struct Binding {
  Arguments arguments;
  // Per parameter the expressions of its series; they live in the expression that was bound.
  std::vector<std::vector<const Expression*>> series;
};

// `call` is of kind kCall. InvalidArgument also where the function is unknown.
absl::StatusOr<Binding> Bind(const FunctionTable& table, const Expression& call);

// Binds every call in `expression`, to report mistakes before anything is fetched. InvalidArgument
// as well where the expression is a literal.
absl::Status CheckCalls(const FunctionTable& table, const Expression& expression);

}  // namespace plumbago::functions
