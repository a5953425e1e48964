// Functions that name series: alias, aliasSub, aliasByNode, aliasByTags, aliasByMetric, aliasQuery,
// aliasByBase64, substr, upper and lower. Path expressions and tags stay.
#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "functions/aggregation.h"
#include "functions/builtin/builtin.h"
#include "functions/builtin/family.h"
#include "functions/builtin/node_key.h"
#include "functions/builtin/regex.h"
#include "functions/text.h"

namespace plumbago::functions {
namespace {

absl::StatusOr<SeriesList> EvaluateAlias(Call& call) {
  const std::string& name = call.arguments().String("newName");
  for (Series& series : call.series()) series.name = name;
  return std::move(call.series());
}

absl::StatusOr<Replacer> ReplacerOf(const Call& call) {
  auto replacer =
      Replacer::Make(call.arguments().String("search"), call.arguments().String("replace"));
  if (replacer.ok()) return replacer;
  return base::Annotate(replacer.status(), absl::StrCat(call.arguments().definition().name, "()"));
}

absl::StatusOr<SeriesList> EvaluateSub(Call& call) {
  PLUMBAGO_ASSIGN_OR_RETURN(const Replacer replacer, ReplacerOf(call));
  for (Series& series : call.series()) {
    PLUMBAGO_ASSIGN_OR_RETURN(series.name, replacer.Replace(series.name));
  }
  return std::move(call.series());
}

absl::StatusOr<SeriesList> EvaluateByKey(Call& call) {
  const bool is_by_tags = call.arguments().definition().name == "aliasByTags";
  const std::vector<Value>& nodes = call.arguments().Repeated(is_by_tags ? "tags" : "nodes");
  for (Series& series : call.series()) series.name = NodeKey(series, nodes);
  return std::move(call.series());
}

// As Python's list[start:stop] where stop 0 means the end.
std::string Slice(absl::string_view name, int64_t start, int64_t stop) {
  const std::vector<absl::string_view> nodes = absl::StrSplit(name, '.');
  const auto count = static_cast<int64_t>(nodes.size());
  const auto bound = [&](int64_t at) {
    return std::clamp<int64_t>(at < 0 ? at + count : at, 0, count);
  };
  const int64_t first = bound(start);
  const int64_t last = stop == 0 ? count : bound(stop);
  if (first >= last) return {};
  return absl::StrJoin(nodes.begin() + first, nodes.begin() + last, ".");
}

// The part of a name between the last opening and the first closing parenthesis, up to a comma.
std::string Substring(const std::string& name, int64_t start, int64_t stop) {
  const size_t open = name.rfind('(');
  const size_t left = open == std::string::npos ? 0 : open + 1;
  const size_t right = std::min(name.find(')'), name.size());
  const absl::string_view inner =
      left < right ? absl::string_view(name).substr(left, right - left) : absl::string_view();
  const std::string result = Slice(inner, start, stop);
  return result.substr(0, result.find(','));
}

absl::StatusOr<SeriesList> EvaluateSubstr(Call& call) {
  const int64_t start = call.arguments().Integer("start");
  const int64_t stop = call.arguments().Integer("stop");
  for (Series& series : call.series()) series.name = Substring(series.name, start, stop);
  return std::move(call.series());
}

absl::StatusOr<SeriesList> EvaluateByMetric(Call& call) {
  for (Series& series : call.series()) series.name = Substring(series.name, -1, 0);
  return std::move(call.series());
}

// Whether a width or precision has three digits or more.
bool IsWide(absl::string_view flags) {
  size_t digits = 0;
  for (const char c : flags) {
    digits = absl::ascii_isdigit(static_cast<unsigned char>(c)) ? digits + 1 : 0;
    if (digits > 2) return true;
  }
  return false;
}

// Python's `format % value` for formats with one conversion of a number.
absl::StatusOr<std::string> Formatted(const std::string& format, double value) {
  const auto bad = [&] {
    return absl::InvalidArgumentError(
        absl::StrCat("newName \"", base::Excerpt(format),
                     "\" needs exactly one conversion of a number, such as %d, %.2f, %g or %s"));
  };
  std::string text;
  int conversion_count = 0;
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      text += format[i];
      continue;
    }
    const size_t end = format.find_first_not_of("-+ #0123456789.", i + 1);
    if (end == std::string::npos || end - i > 8) return bad();
    if (IsWide(format.substr(i, end - i))) return bad();
    const std::string flags = format.substr(i, end - i);
    const char kind = format[end];
    i = end;
    if (kind == '%' && flags == "%") {
      text += '%';
      continue;
    }
    if (kind == 's') {
      absl::StrAppend(&text, PythonFloat(value));
    } else if (kind == 'd' || kind == 'i') {
      const auto spec = absl::ParsedFormat<'f'>::New(absl::StrCat(flags, ".0f"));
      if (spec == nullptr) return bad();
      absl::StrAppendFormat(&text, *spec, std::trunc(value) + 0.0);
    } else {
      const auto spec =
          absl::ParsedFormat<absl::FormatConversionCharSet::kFloating>::New(flags + kind);
      if (spec == nullptr) return bad();
      absl::StrAppendFormat(&text, *spec, value);
    }
    ++conversion_count;
  }
  return conversion_count == 1 ? absl::StatusOr<std::string>(text) : bad();
}

absl::StatusOr<SeriesList> EvaluateQuery(Call& call) {
  PLUMBAGO_ASSIGN_OR_RETURN(const Replacer replacer, ReplacerOf(call));
  for (Series& series : call.series()) {
    PLUMBAGO_ASSIGN_OR_RETURN(const std::string target, replacer.Replace(series.name));
    PLUMBAGO_ASSIGN_OR_RETURN(const SeriesList found, call.EvaluatedTarget(target));
    if (found.empty()) return Refused(call, "no series found with query: ", base::Excerpt(target));
    const double value = Aggregate(Aggregation::kLast, found.front().values.get());
    if (std::isnan(value)) {
      return Refused(call, "cannot get last value of series: ", found.front().name);
    }
    PLUMBAGO_ASSIGN_OR_RETURN(series.name, Formatted(call.arguments().String("newName"), value));
  }
  return std::move(call.series());
}

// Changes the letters at the positions, negative ones counted from the end, or all.
absl::StatusOr<SeriesList> EvaluateCase(Call& call) {
  const std::string& function = call.arguments().definition().name;
  const bool is_upper = function == "upper" || function == "toUpperCase";
  const auto change = [&](char& letter) {
    const auto byte = static_cast<unsigned char>(letter);
    letter = is_upper ? absl::ascii_toupper(byte) : absl::ascii_tolower(byte);
  };
  const std::vector<Value>& positions = call.arguments().Repeated("pos");
  for (Series& series : call.series()) {
    if (positions.empty()) std::for_each(series.name.begin(), series.name.end(), change);
    const auto size = static_cast<int64_t>(series.name.size());
    for (const Value& position : positions) {
      const int64_t wanted = std::get<int64_t>(position);
      const int64_t at = wanted < 0 ? wanted + size : wanted;
      if (at >= 0 && at < size) change(series.name[static_cast<size_t>(at)]);
    }
    if (function == "toUpperCase" || function == "toLowerCase") {
      series.tags.Set("name", series.name);
    }
  }
  return std::move(call.series());
}

absl::StatusOr<SeriesList> EvaluateByBase64(Call& call) {
  const Value& node = call.arguments().Get("nodeNum");
  for (Series& series : call.series()) {
    std::string text = series.name;
    if (const auto* tag = std::get_if<std::string>(&node)) {
      const std::string* value = series.tags.Find(*tag);
      text = value == nullptr ? "" : *value;
    } else if (const auto* index = std::get_if<int64_t>(&node)) {
      const std::string* name = series.tags.Find("name");
      const std::vector<std::string> nodes =
          absl::StrSplit(name == nullptr ? series.name : *name, '.');
      const bool exists = *index >= 1 && *index <= static_cast<int64_t>(nodes.size());
      text = exists ? nodes[static_cast<size_t>(*index - 1)] : "";
    }
    std::string decoded;
    if (!text.empty() && absl::Base64Unescape(text, &decoded)) series.name = decoded;
  }
  return std::move(call.series());
}

}  // namespace

std::vector<FunctionDefinition> AliasFunctions() {
  const Parameter new_name = Required("newName", ParameterType::kString);
  const Parameter search = Required("search", ParameterType::kString);
  const Parameter replace = Required("replace", ParameterType::kString);
  const Parameter position = AnyNumber("pos", ParameterType::kInteger);
  const char* upper = "Makes the letters of the names, or those at the positions, capital.";
  const char* lower = "Makes the letters of the names, or those at the positions, small.";
  return {
      SeriesFunction("alias", "Alias", "Names every series of the list newName.", {new_name},
                     EvaluateAlias),
      SeriesFunction(
          "aliasSub", "Alias",
          "Replaces what the regular expression search matches in the name of every series "
          "by replace, in which \\1 stands for the first group.",
          {search, replace}, EvaluateSub),
      SeriesFunction("aliasByNode", "Alias",
                     "Names every series by nodes of its path, counted from 0 or from the end with "
                     "negative numbers, or by its tags, joined with dots.",
                     {AnyNumber("nodes", ParameterType::kNodeOrTag)}, EvaluateByKey),
      SeriesFunction("aliasByTags", "Alias",
                     "Names every series by its tags, or nodes, joined with dots.",
                     {AnyNumber("tags", ParameterType::kNodeOrTag)}, EvaluateByKey),
      SeriesFunction("aliasByMetric", "Alias", "Names every series by the last node of its path.",
                     {}, EvaluateByMetric),
      SeriesFunction(
          "aliasQuery", "Alias",
          "Names every series newName, a format such as \"%d users\" of the last value of "
          "the target that its name becomes when search is replaced.",
          {search, replace, new_name}, EvaluateQuery),
      SeriesFunction("aliasByBase64", "Alias", "Decodes the name, or a node of it, from base64.",
                     {Optional("nodeNum", ParameterType::kNodeOrTag)}, EvaluateByBase64),
      SeriesFunction("substr", "Alias",
                     "Names every series by the nodes start ... stop - 1 of its path.",
                     {Optional("start", ParameterType::kNode, int64_t{0}),
                      Optional("stop", ParameterType::kNode, int64_t{0})},
                     EvaluateSubstr),
      SeriesFunction("upper", "Alias", upper, {position}, EvaluateCase),
      SeriesFunction("lower", "Alias", lower, {position}, EvaluateCase),
      SeriesFunction("toUpperCase", "Alias", upper, {position}, EvaluateCase),
      SeriesFunction("toLowerCase", "Alias", lower, {position}, EvaluateCase),
  };
}

}  // namespace plumbago::functions
