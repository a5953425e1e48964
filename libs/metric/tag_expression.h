// One tag expression, with graphite-web's meaning: tag=value, tag!=value, tag=~regex, tag!=~regex.
//
// A series without the tag has the empty value. Regexes are RE2's and match from the start of the
// value, not to its end. Immutable, thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace re2 {
class RE2;
}

namespace plumbago::metric {

inline constexpr size_t kTagExpressionsMax = 64;
inline constexpr size_t kTagExpressionBytesMax = 4096;

class TagExpression {
 public:
  // InvalidArgument, quoting the expression: none of the forms above, too long, or not a regex.
  static absl::StatusOr<TagExpression> Parse(absl::string_view text);

  TagExpression(TagExpression&&) noexcept;
  TagExpression& operator=(TagExpression&&) noexcept;
  ~TagExpression();

  const std::string& tag() const { return tag_; }
  bool Matches(absl::string_view value) const;
  // Then it only filters what others find.
  bool matches_empty() const { return matches_empty_; }
  // True where one value matches, which is not empty.
  bool is_exact() const { return operator_ == Operator::kEqual && !value_.empty(); }
  const std::string& value() const { return value_; }
  // What every value that matches begins with, as far as it is easily known: it spares most values
  // of a tag the regex.
  const std::string& value_prefix() const { return value_prefix_; }

 private:
  enum class Operator { kEqual, kNotEqual, kMatches, kMatchesNot };
  TagExpression();

  std::string tag_;
  Operator operator_ = Operator::kEqual;
  std::string value_;
  std::string value_prefix_;
  std::unique_ptr<re2::RE2> regex_;  // of kMatches and kMatchesNot
  bool matches_empty_ = false;
};

// InvalidArgument also for more than kTagExpressionsMax, and where all of them match the empty
// value.
absl::StatusOr<std::vector<TagExpression>> ParseTagExpressions(
    absl::Span<const std::string> expressions);

}  // namespace plumbago::metric
