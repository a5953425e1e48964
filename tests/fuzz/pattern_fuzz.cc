// Globs and tag expressions: the first line is a pattern, the others are names or values. Whatever
// they are, they are read and matched within bounds, and what holds for all patterns holds.
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "checks.h"
#include "metric/glob.h"
#include "metric/tag_expression.h"

namespace {

using namespace plumbago::metric;

void CheckGlob(absl::string_view text, const std::vector<absl::string_view>& names) {
  const auto glob = Glob::Compile(text);
  if (!glob.ok()) {
    FUZZ_CHECK(!glob.status().message().empty());
    return;
  }
  for (const std::string& name : glob->exact_names()) FUZZ_CHECK(glob->Matches(name));
  size_t matched = 0;
  for (const absl::string_view name : names) matched += glob->Matches(name) ? 1 : 0;
  FUZZ_CHECK(matched <= names.size());
  // Without anything special a pattern is its own name.
  const bool is_plain = !HasWildcards(text) && text.find('\\') == absl::string_view::npos;
  if (is_plain) FUZZ_CHECK(glob->Matches(text) && glob->is_exact());
}

void CheckPath(absl::string_view text, const std::vector<absl::string_view>& names) {
  const auto globs = CompilePath(text);
  if (!globs.ok()) return;
  FUZZ_CHECK(!globs->empty());
  for (const absl::string_view name : names) MatchesPath(*globs, name);
}

void CheckExpression(absl::string_view text, const std::vector<absl::string_view>& values) {
  const auto expression = TagExpression::Parse(text);
  if (!expression.ok()) {
    FUZZ_CHECK(!expression.status().message().empty());
    return;
  }
  FUZZ_CHECK(expression->matches_empty() == expression->Matches(""));
  if (expression->is_exact()) FUZZ_CHECK(expression->Matches(expression->value()));
  for (const absl::string_view value : values) {
    // The prefix spares regexes: it must not spare one that would match.
    if (expression->Matches(value) && !expression->matches_empty()) {
      FUZZ_CHECK(value.substr(0, expression->value_prefix().size()) == expression->value_prefix());
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;  // nothing splits into no lines
  std::vector<absl::string_view> lines = absl::StrSplit(plumbago::fuzz::View(data, size), '\n');
  const absl::string_view pattern = lines.front();
  lines.erase(lines.begin());
  if (lines.size() > 100) lines.resize(100);
  CheckGlob(pattern, lines);
  CheckPath(pattern, lines);
  CheckExpression(pattern, lines);
  return 0;
}
