// What the families of functions share: short forms for definitions and for values one by one.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "functions/call.h"
#include "functions/definition.h"

namespace plumbago::functions {

inline Parameter Required(std::string name, ParameterType type) { return {std::move(name), type}; }

inline Parameter Optional(std::string name, ParameterType type, Value default_value = {}) {
  return {std::move(name), type, Parameter::Presence::kOptional, std::move(default_value)};
}

inline Parameter Repeated(std::string name, ParameterType type) {
  return {std::move(name), type, Parameter::Presence::kRepeated};
}

inline Parameter AnyNumber(std::string name, ParameterType type) {
  return {std::move(name), type, Parameter::Presence::kAnyNumber};
}

inline Parameter SeriesParameter() { return {"seriesList", ParameterType::kSeriesList}; }

// A function whose first parameter is its series; `parameters` are those after it.
inline FunctionDefinition SeriesFunction(const char* name, const char* group,
                                         const char* description, std::vector<Parameter> parameters,
                                         absl::StatusOr<SeriesList> (*evaluate)(Call& call)) {
  parameters.insert(parameters.begin(), SeriesParameter());
  return {.name = name,
          .group = group,
          .description = description,
          .parameters = std::move(parameters),
          .evaluate = evaluate};
}

// "<function>(): <what>", for arguments whose values are wrong.
template <typename... Parts>
absl::Status Refused(const Call& call, const Parts&... what) {
  return absl::InvalidArgumentError(
      absl::StrCat(call.arguments().definition().name, "(): ", what...));
}

// Replaces every value, nulls too, by operation(value).
template <typename Operation>
void TransformValues(Series& series, Operation operation) {
  for (double& value : series.values.Mutable()) value = operation(value);
}

inline void Append(std::vector<FunctionDefinition> family, std::vector<FunctionDefinition>& all) {
  for (FunctionDefinition& definition : family) all.push_back(std::move(definition));
}

}  // namespace plumbago::functions
