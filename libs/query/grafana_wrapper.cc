#include "query/grafana_wrapper.h"

#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "functions/parser.h"

namespace plumbago::query {
namespace {

using functions::Argument;
using functions::Expression;

bool IsWrapper(const Expression& call) {
  if (call.kind != Expression::Kind::kCall || call.text != "aliasSub") return false;
  const std::vector<Argument>& arguments = call.arguments;
  if (arguments.size() != 3 || arguments[0].position < call.position) return false;
  for (const Argument& argument : arguments) {
    if (!argument.keyword.empty()) return false;
  }
  const Expression& search = arguments[1].value;
  const Expression& replace = arguments[2].value;
  return search.kind == Expression::Kind::kString && search.text == "(^.*$)" &&
         replace.kind == Expression::Kind::kString && absl::StartsWith(replace.text, "\\1 ") &&
         replace.text.find('\\', 1) == std::string::npos;
}

}  // namespace

std::string TakeWrapper(std::vector<std::string>& targets) {
  // Most targets are not wrapped, and need not be parsed twice.
  if (targets.size() != 1 || !absl::StrContains(targets[0], "(^.*$)")) return {};
  const auto call = functions::ParseTarget(targets[0]);
  if (!call.ok() || !IsWrapper(*call)) return {};
  const size_t begin = call->arguments[0].position;
  absl::string_view inside(targets[0]);
  inside = absl::StripAsciiWhitespace(inside.substr(begin, call->arguments[1].position - begin));
  if (!absl::ConsumeSuffix(&inside, ",")) return {};
  inside = absl::StripAsciiWhitespace(inside);
  std::string suffix = call->arguments[2].value.text.substr(2);
  targets[0] = std::string(inside);
  return suffix;
}

void AddSuffix(const std::string& suffix, functions::SeriesList& list) {
  if (suffix.empty()) return;
  for (functions::Series& series : list) {
    if (!absl::StrContains(series.name, '\n')) series.name += suffix;
  }
}

}  // namespace plumbago::query
