// The target grammar of Graphite, in full: paths with wildcards, braces and escapes, calls with
// positional and keyword arguments, strings, numbers, booleans, none, inf, pipes and template().
//
// A superset of graphite-web's grammar: nested and empty brace alternatives, "+1", ".5", "1.",
// keyword arguments anywhere and non-ASCII names are read too. Unlike graphite-web, text that
// cannot be read to its end is an error, never cut off. Pure and thread-safe.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "functions/expression.h"

namespace plumbago::functions {

inline constexpr size_t kTargetDepthMax = 100;  // calls, pipes and templates inside each other

// Values of template[name] request parameters: they win over those written in template().
using TemplateValues = std::map<std::string, std::string>;

// InvalidArgument: target "<text>": expected <what> at position <n>. Templates are expanded: the
// result has calls, paths and literals only.
absl::StatusOr<Expression> ParseTarget(absl::string_view text, const TemplateValues& values = {});

}  // namespace plumbago::functions
