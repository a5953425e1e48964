#include "metric/tag_expression.h"

#include <re2/re2.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"

namespace plumbago::metric {
namespace {

re2::StringPiece Piece(absl::string_view text) { return {text.data(), text.size()}; }

absl::Status Invalid(absl::string_view expression, absl::string_view problem) {
  return absl::InvalidArgumentError(
      absl::StrCat("tag expression \"", base::Excerpt(expression), "\" ", problem));
}

// What every text that `regex` matches begins with: its leading ordinary characters.
std::string LiteralPrefix(absl::string_view regex) {
  absl::ConsumePrefix(&regex, "^");
  if (absl::StrContains(regex, '|')) return "";
  size_t end = std::min(regex.find_first_of("\\^$.|?*+()[]{}"), regex.size());
  const bool is_repeated = end < regex.size() && absl::StrContains("?*{", regex.substr(end, 1));
  if (is_repeated && end > 0) {
    // The last character may be missing; it may have more than one byte.
    do --end;
    while (end > 0 && (static_cast<uint8_t>(regex[end]) & 0xc0) == 0x80);
  }
  return std::string(regex.substr(0, end));
}

}  // namespace

TagExpression::TagExpression() = default;
TagExpression::TagExpression(TagExpression&&) noexcept = default;
TagExpression& TagExpression::operator=(TagExpression&&) noexcept = default;
TagExpression::~TagExpression() = default;

// graphite-web: ^([^;!=]+)(!?=~?)([^;]*)$ (webapp/graphite/tags/base.py, parse_tagspec).
absl::StatusOr<TagExpression> TagExpression::Parse(absl::string_view text) {
  if (text.size() > kTagExpressionBytesMax) {
    return Invalid(text, absl::StrCat("has ", text.size(), " bytes; at most ",
                                      kTagExpressionBytesMax, " are allowed"));
  }
  const size_t tag_end = std::min(text.find_first_of(";!="), text.size());
  absl::string_view rest = text.substr(tag_end);
  const bool is_negated = absl::ConsumePrefix(&rest, "!");
  const bool has_equals = absl::ConsumePrefix(&rest, "=");
  if (tag_end == 0 || !has_equals || absl::StrContains(rest, ';')) {
    return Invalid(text, "is none; use tag=value, tag!=value, tag=~regex or tag!=~regex");
  }
  const bool is_regex = absl::ConsumePrefix(&rest, "~");
  TagExpression expression;
  expression.tag_ = std::string(text.substr(0, tag_end));
  expression.value_ = std::string(rest);
  expression.operator_ = is_regex ? (is_negated ? Operator::kMatchesNot : Operator::kMatches)
                                  : (is_negated ? Operator::kNotEqual : Operator::kEqual);
  if (is_regex) {
    re2::RE2::Options options;
    options.set_log_errors(false);
    expression.regex_ = std::make_unique<re2::RE2>(absl::StrCat("^(?:", rest, ")"), options);
    if (!is_negated) expression.value_prefix_ = LiteralPrefix(rest);
    if (!expression.regex_->ok()) {
      return Invalid(text, absl::StrCat("has a malformed regex: ", expression.regex_->error()));
    }
  }
  expression.matches_empty_ = expression.Matches("");
  return expression;
}

bool TagExpression::Matches(absl::string_view value) const {
  switch (operator_) {
    case Operator::kEqual:
      return value == value_;
    case Operator::kNotEqual:
      return value != value_;
    case Operator::kMatches:
      return re2::RE2::PartialMatch(Piece(value), *regex_);
    case Operator::kMatchesNot:
      return !re2::RE2::PartialMatch(Piece(value), *regex_);
  }
  return false;
}

absl::StatusOr<std::vector<TagExpression>> ParseTagExpressions(
    absl::Span<const std::string> expressions) {
  if (expressions.size() > kTagExpressionsMax) {
    return absl::InvalidArgumentError(absl::StrCat(expressions.size(),
                                                   " tag expressions are too many; at most ",
                                                   kTagExpressionsMax, " are allowed"));
  }
  std::vector<TagExpression> parsed;
  for (const std::string& text : expressions) {
    PLUMBAGO_ASSIGN_OR_RETURN(TagExpression expression, TagExpression::Parse(text));
    parsed.push_back(std::move(expression));
  }
  const bool none_needs_a_value =
      std::all_of(parsed.begin(), parsed.end(),
                  [](const TagExpression& expression) { return expression.matches_empty(); });
  if (none_needs_a_value) {
    return absl::InvalidArgumentError(
        "at least one tag expression must not match the empty value, such as tag=value or tag!=");
  }
  return parsed;
}

}  // namespace plumbago::metric
