#include "query/pattern.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "functions/parser.h"
#include "metric/glob.h"
#include "metric/tag_expression.h"

namespace plumbago::query {
namespace {

using functions::Expression;

// No path can begin like this.
constexpr absl::string_view kCall = "seriesByTag(";
constexpr size_t kPatternBytesMax = 16 << 10;

bool IsTagCall(const Expression& expression) {
  return expression.kind == Expression::Kind::kCall && expression.text == "seriesByTag";
}

absl::Status AtPosition(const absl::Status& status, size_t position) {
  return absl::Status(status.code(), absl::StrCat("seriesByTag(): ", std::string(status.message()),
                                                  ", at position ", position));
}

absl::StatusOr<Pattern> ReadTagCall(const std::string& text) {
  PLUMBAGO_ASSIGN_OR_RETURN(const Expression call, functions::ParseTarget(text));
  if (!IsTagCall(call)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", base::Excerpt(text), "\" is not a seriesByTag() call alone"));
  }
  PLUMBAGO_RETURN_IF_ERROR(CheckTagExpressions(call));
  Pattern pattern{.kind = Pattern::Kind::kTagged, .text = {}, .expressions = {}};
  for (const functions::Argument& argument : call.arguments) {
    pattern.expressions.push_back(argument.value.text);
  }
  return pattern;
}

}  // namespace

absl::StatusOr<Pattern> ReadPattern(const std::string& text) {
  if (absl::StartsWith(text, kCall)) return ReadTagCall(text);
  if (text.size() > kPatternBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("the pattern has ", text.size(), " bytes, more than ", kPatternBytesMax));
  }
  // A tagged series by its exact name may have any character in its values.
  const bool is_name = text.find_first_of("*?[{") == std::string::npos;
  if (!is_name && !absl::StrContains(text, ';')) {
    PLUMBAGO_RETURN_IF_ERROR(metric::CompilePath(text).status());
  }
  return Pattern{.kind = is_name ? Pattern::Kind::kName : Pattern::Kind::kGlob,
                 .text = text,
                 .expressions = {}};
}

absl::Status CheckTagExpressions(const Expression& target) {
  if (!IsTagCall(target)) {
    for (const functions::Argument& argument : target.arguments) {
      PLUMBAGO_RETURN_IF_ERROR(CheckTagExpressions(argument.value));
    }
    return absl::OkStatus();
  }
  std::vector<std::string> expressions;
  for (const functions::Argument& argument : target.arguments) {
    expressions.push_back(argument.value.text);
    const absl::Status status = metric::TagExpression::Parse(expressions.back()).status();
    if (!status.ok()) return AtPosition(status, argument.position);
  }
  const absl::Status status = metric::ParseTagExpressions(expressions).status();
  return status.ok() ? status : AtPosition(status, target.position);
}

}  // namespace plumbago::query
