// What a fetch asks for: the text of a path, or of a seriesByTag() call. Pure.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "functions/expression.h"

namespace plumbago::query {

struct Pattern {
  enum class Kind {
    kName,    // of one series: nothing in it can match anything else
    kGlob,    // nodes with *, ?, [a-z] and {a,b}
    kTagged,  // a seriesByTag() call
  };
  Kind kind = Kind::kName;
  std::string text;                      // of a name or a glob
  std::vector<std::string> expressions;  // of a seriesByTag() call
};

// InvalidArgument: a glob beyond its limits, or tag expressions that no shard would take.
absl::StatusOr<Pattern> ReadPattern(const std::string& text);

// The tag expressions of all seriesByTag() calls in a target. InvalidArgument names the position in
// the target.
absl::Status CheckTagExpressions(const functions::Expression& target);

}  // namespace plumbago::query
