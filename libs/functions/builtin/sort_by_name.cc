#include <algorithm>

#include "absl/strings/ascii.h"
#include "functions/builtin/builtin.h"
#include "functions/call.h"

namespace plumbago::functions {
namespace {

// Every run of digits as a number of at least ten digits, so that 2 comes before 11.
std::string NaturalKey(absl::string_view name) {
  constexpr size_t kDigits = 10;
  std::string key;
  for (size_t i = 0; i < name.size();) {
    const auto is_digit = [&](size_t at) {
      return at < name.size() && absl::ascii_isdigit(static_cast<unsigned char>(name[at]));
    };
    if (!is_digit(i)) {
      key += name[i++];
      continue;
    }
    while (name[i] == '0' && is_digit(i + 1)) ++i;
    size_t end = i;
    while (is_digit(end)) ++end;
    if (end - i < kDigits) key.append(kDigits - (end - i), '0');
    key.append(name.data() + i, end - i);
    i = end;
  }
  return key;
}

absl::StatusOr<SeriesList> Evaluate(Call& call) {
  const bool is_natural = call.arguments().Boolean("natural");
  const bool is_reverse = call.arguments().Boolean("reverse");
  std::vector<std::pair<std::string, Series>> keyed;
  for (Series& series : call.series()) {
    std::string key = is_natural ? NaturalKey(series.name) : series.name;
    keyed.emplace_back(std::move(key), std::move(series));
  }
  std::stable_sort(keyed.begin(), keyed.end(), [&](const auto& a, const auto& b) {
    return is_reverse ? b.first < a.first : a.first < b.first;
  });
  SeriesList result;
  for (auto& [key, series] : keyed) result.push_back(std::move(series));
  return result;
}

}  // namespace

FunctionDefinition SortByName() {
  return {
      .name = "sortByName",
      .group = "Sorting",
      .description = "Sorts the series by name; natural compares numbers inside names by value.",
      .parameters = {{"seriesList", ParameterType::kSeriesList},
                     {"natural", ParameterType::kBoolean, Parameter::Presence::kOptional, false},
                     {"reverse", ParameterType::kBoolean, Parameter::Presence::kOptional, false}},
      .evaluate = Evaluate};
}

}  // namespace plumbago::functions
