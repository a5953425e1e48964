// Substitution of template() values into a parsed expression.
#pragma once

#include <cstddef>

#include "absl/status/status.h"
#include "functions/expression.h"
#include "functions/parser.h"

namespace plumbago::functions {

// Replaces $name in every path of `expression`, longer names first; strings stay as they are. A
// path that is exactly $name becomes the value itself: a number where it looks like one, else a
// string. ResourceExhausted where the paths would grow beyond kTemplateGrowthMax times
// `text_bytes`.
inline constexpr size_t kTemplateGrowthMax = 16;
absl::Status Substitute(const TemplateValues& values, size_t text_bytes, Expression& expression);

}  // namespace plumbago::functions
