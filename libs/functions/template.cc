#include "functions/template.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/status.h"

namespace plumbago::functions {
namespace {

// graphite-web: -?[\d.]+ becomes a float.
bool LooksLikeNumber(absl::string_view text) {
  if (!text.empty() && text[0] == '-') text.remove_prefix(1);
  return !text.empty() && text.find_first_not_of("0123456789.") == absl::string_view::npos;
}

class Substitution {
 public:
  Substitution(const TemplateValues& values, size_t bytes_max) : bytes_left_(bytes_max) {
    for (const auto& [name, value] : values) {
      replacements_.emplace_back(absl::StrCat("$", name), value);
    }
    std::stable_sort(replacements_.begin(), replacements_.end(),
                     [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
  }

  absl::Status Apply(Expression& expression) {
    for (Argument& argument : expression.arguments) {
      PLUMBAGO_RETURN_IF_ERROR(Apply(argument.value));
    }
    return expression.kind == Expression::Kind::kPath ? ApplyToPath(expression) : absl::OkStatus();
  }

 private:
  absl::Status ApplyToPath(Expression& path) {
    for (const auto& [variable, value] : replacements_) {
      if (path.text == variable) return Become(value, path);
      if (path.text.find(variable) == std::string::npos) continue;
      // An upper bound before the growth, so that it never happens.
      if (path.text.size() / variable.size() * value.size() + path.text.size() > bytes_left_) {
        return absl::ResourceExhaustedError("template() values make the paths too long");
      }
      absl::StrReplaceAll({{variable, value}}, &path.text);
    }
    bytes_left_ -= std::min(bytes_left_, path.text.size());
    return absl::OkStatus();
  }

  static absl::Status Become(const std::string& value, Expression& path) {
    path.text = value;
    path.kind = Expression::Kind::kString;
    if (!LooksLikeNumber(value)) return absl::OkStatus();
    if (!absl::SimpleAtod(value, &path.number)) {
      return absl::InvalidArgumentError(
          absl::StrCat("template value \"", base::Excerpt(value), "\" is not a number"));
    }
    path.kind = Expression::Kind::kNumber;
    path.is_integer = absl::SimpleAtoi(value, &path.integer);
    return absl::OkStatus();
  }

  std::vector<std::pair<std::string, std::string>> replacements_;
  size_t bytes_left_;
};

}  // namespace

absl::Status Substitute(const TemplateValues& values, size_t text_bytes, Expression& expression) {
  return Substitution(values, text_bytes * kTemplateGrowthMax + 4096).Apply(expression);
}

}  // namespace plumbago::functions
