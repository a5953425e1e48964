#include "functions/binding.h"

#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "functions/aggregation.h"
#include "functions/attime.h"

namespace plumbago::functions {
namespace {

using Kind = Expression::Kind;

bool IsSeries(const Expression& expression) {
  return expression.kind == Kind::kPath || expression.kind == Kind::kCall;
}

// "the string \"x\"", for messages.
std::string Describe(const Expression& expression) {
  const std::string text = base::Excerpt(expression.text);
  switch (expression.kind) {
    case Kind::kPath:
      return absl::StrCat("the path ", text);
    case Kind::kCall:
      return absl::StrCat("the call ", text, "()");
    case Kind::kString:
      return absl::StrCat("the string \"", text, "\"");
    case Kind::kNumber:
      return absl::StrCat("the number ", text);
    default:
      return text;
  }
}

std::optional<int64_t> AsInteger(const Expression& literal) {
  int64_t integer = 0;
  if (literal.kind == Kind::kNumber && literal.is_integer) return literal.integer;
  if (literal.kind == Kind::kString && absl::SimpleAtoi(literal.text, &integer)) return integer;
  return std::nullopt;
}

std::optional<double> AsFloat(const Expression& literal) {
  double number = 0;
  if (literal.kind == Kind::kNumber) return literal.number;
  if (literal.kind == Kind::kString && absl::SimpleAtod(literal.text, &number) &&
      !std::isnan(number)) {
    return number;
  }
  return std::nullopt;
}

std::optional<bool> AsBoolean(const Expression& literal) {
  if (literal.kind == Kind::kBoolean) return literal.number != 0;
  if (literal.kind == Kind::kNumber && (literal.number == 0 || literal.number == 1)) {
    return literal.number == 1;
  }
  if (literal.kind == Kind::kString && absl::EqualsIgnoreCase(literal.text, "true")) return true;
  if (literal.kind == Kind::kString && absl::EqualsIgnoreCase(literal.text, "false")) return false;
  return std::nullopt;
}

template <typename T>
Value ToValue(const std::optional<T>& optional) {
  return optional.has_value() ? Value(*optional) : Value();
}

class Binder {
 public:
  Binder(const FunctionTable& table, const FunctionDefinition& definition, const Expression& call)
      : table_(table),
        definition_(definition),
        call_(call),
        literals_(definition.parameters.size()),
        series_(definition.parameters.size()) {}

  absl::StatusOr<Binding> Bind() {
    size_t position = 0;
    for (const Argument& argument : call_.arguments) {
      PLUMBAGO_ASSIGN_OR_RETURN(const size_t index, ParameterIndex(argument, position));
      PLUMBAGO_RETURN_IF_ERROR(Take(index, argument.value));
    }
    PLUMBAGO_RETURN_IF_ERROR(FillAbsent());
    return Binding{Arguments(definition_, std::move(literals_)), std::move(series_)};
  }

 private:
  const std::vector<Parameter>& parameters() const { return definition_.parameters; }
  bool IsTaken(size_t index) const { return !literals_[index].empty() || !series_[index].empty(); }

  absl::StatusOr<size_t> ParameterIndex(const Argument& argument, size_t& position) const {
    if (argument.keyword.empty()) {
      const size_t index = position;
      if (index >= parameters().size()) {
        return Error(absl::StrCat("takes ", Signature(), ", not as many as ",
                                  call_.arguments.size(), " arguments"),
                     argument.position);
      }
      if (!definition_.IsRepeated(index)) ++position;
      return index;
    }
    for (size_t index = 0; index < parameters().size(); ++index) {
      if (parameters()[index].name == argument.keyword) return index;
    }
    return Error(absl::StrCat("has no parameter \"", base::Excerpt(argument.keyword),
                              "\"; it takes ", Signature()),
                 argument.position);
  }

  absl::Status Take(size_t index, const Expression& value) {
    const Parameter& parameter = parameters()[index];
    if (IsTaken(index) && !definition_.IsRepeated(index)) {
      return Error(absl::StrCat("is given the parameter \"", parameter.name, "\" twice"),
                   value.position);
    }
    const bool may_be_number = parameter.type == ParameterType::kSeriesListOrFloat;
    if (parameter.type == ParameterType::kSeriesList || (may_be_number && IsSeries(value))) {
      if (value.kind == Kind::kNone && parameter.presence == Parameter::Presence::kOptional) {
        return absl::OkStatus();
      }
      if (!IsSeries(value)) return WrongType(parameter, value);
      series_[index].push_back(&value);
      return absl::OkStatus();
    }
    if (value.kind == Kind::kNone && parameter.presence == Parameter::Presence::kOptional) {
      return absl::OkStatus();  // the default
    }
    PLUMBAGO_ASSIGN_OR_RETURN(Value literal, Convert(parameter, value));
    if (std::holds_alternative<std::monostate>(literal)) return WrongType(parameter, value);
    literals_[index].push_back(std::move(literal));
    return absl::OkStatus();
  }

  // No value where the type is wrong; an error where there is more to say.
  absl::StatusOr<Value> Convert(const Parameter& parameter, const Expression& literal) const {
    switch (parameter.type) {
      case ParameterType::kSeriesListOrFloat:
        if (const auto integer = AsInteger(literal)) return Value(*integer);
        return ToValue(AsFloat(literal));
      case ParameterType::kFloat:
        return ToValue(AsFloat(literal));
      case ParameterType::kInteger:
      case ParameterType::kNode:
        return ToValue(AsInteger(literal));
      case ParameterType::kBoolean:
        return ToValue(AsBoolean(literal));
      case ParameterType::kIntegerOrInfinity:
        if (const auto integer = AsInteger(literal)) return Value(*integer);
        if (const auto number = AsFloat(literal); number == HUGE_VAL) return Value(*number);
        return Value();
      case ParameterType::kStringOrBoolean:
        if (literal.kind == Kind::kBoolean) {
          return Value(std::string(literal.number != 0 ? "true" : "false"));
        }
        break;
      case ParameterType::kDate:
        if (const auto epoch = AsInteger(literal); literal.kind == Kind::kNumber && epoch) {
          return Value(absl::StrCat(*epoch));
        }
        break;
      case ParameterType::kNodeOrTag:
      case ParameterType::kIntegerOrInterval:
        if (literal.kind == Kind::kNumber) return ToValue(AsInteger(literal));
        break;
      default:
        break;
    }
    if (literal.kind != Kind::kString) return Value();
    PLUMBAGO_RETURN_IF_ERROR(CheckString(parameter, literal));
    return Value(literal.text);
  }

  absl::Status CheckString(const Parameter& parameter, const Expression& literal) const {
    absl::Status status;
    switch (parameter.type) {
      case ParameterType::kInterval:
      case ParameterType::kIntegerOrInterval:
        status = ParseTimeOffset(literal.text).status();
        break;
      case ParameterType::kAggregationOrFunction: {
        const FunctionDefinition* function = table_.Find(literal.text);
        if (function != nullptr && function->is_aggregator) return absl::OkStatus();
        status = ParseAggregation(literal.text).status();
        break;
      }
      case ParameterType::kDate:  // any time and zone will do to check the form
        status = ParseAtTime(literal.text, 1'000'000'000, absl::UTCTimeZone()).status();
        break;
      case ParameterType::kAggregation:
        status = ParseAggregation(literal.text).status();
        break;
      default:
        return absl::OkStatus();
    }
    if (status.ok()) return status;
    return Error(
        absl::StrCat("cannot take its parameter \"", parameter.name, "\": ", status.message()),
        literal.position);
  }

  absl::Status FillAbsent() {
    for (size_t index = 0; index < parameters().size(); ++index) {
      if (IsTaken(index)) continue;
      const Parameter& parameter = parameters()[index];
      if (parameter.presence == Parameter::Presence::kAnyNumber) continue;
      if (parameter.presence != Parameter::Presence::kOptional) {
        return Error(absl::StrCat("needs the parameter \"", parameter.name, "\" (",
                                  TypeDescription(parameter.type), "); it takes ", Signature()),
                     call_.position);
      }
      if (!std::holds_alternative<std::monostate>(parameter.default_value)) {
        literals_[index].push_back(parameter.default_value);
      }
    }
    return absl::OkStatus();
  }

  std::string Signature() const {
    return absl::StrJoin(parameters(), ", ", [](std::string* out, const Parameter& parameter) {
      absl::StrAppend(out, parameter.name);
      if (parameter.presence == Parameter::Presence::kRepeated) absl::StrAppend(out, "...");
      if (parameter.presence == Parameter::Presence::kAnyNumber) absl::StrAppend(out, "...?");
      if (parameter.presence == Parameter::Presence::kOptional) absl::StrAppend(out, "?");
    });
  }

  absl::Status WrongType(const Parameter& parameter, const Expression& value) const {
    return Error(absl::StrCat("needs ", TypeDescription(parameter.type), " as its parameter \"",
                              parameter.name, "\", not ", Describe(value)),
                 value.position);
  }

  absl::Status Error(absl::string_view what, size_t position) const {
    return absl::InvalidArgumentError(
        absl::StrCat(call_.text, "() ", what, ", at position ", position));
  }

  const FunctionTable& table_;
  const FunctionDefinition& definition_;
  const Expression& call_;
  std::vector<std::vector<Value>> literals_;
  std::vector<std::vector<const Expression*>> series_;
};

}  // namespace

absl::StatusOr<Binding> Bind(const FunctionTable& table, const Expression& call) {
  const FunctionDefinition* definition = table.Find(call.text);
  if (definition == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("unknown function ", base::Excerpt(call.text),
                                                   "() at position ", call.position,
                                                   "; /functions lists the known ones"));
  }
  return Binder(table, *definition, call).Bind();
}

absl::Status CheckCalls(const FunctionTable& table, const Expression& expression) {
  if (!IsSeries(expression)) {
    return absl::InvalidArgumentError(absl::StrCat("a target is a path or a function call, not ",
                                                   Describe(expression), ", at position ",
                                                   expression.position));
  }
  if (expression.kind == Kind::kPath) return absl::OkStatus();
  PLUMBAGO_RETURN_IF_ERROR(Bind(table, expression).status());
  for (const Argument& argument : expression.arguments) {
    if (IsSeries(argument.value)) PLUMBAGO_RETURN_IF_ERROR(CheckCalls(table, argument.value));
  }
  return absl::OkStatus();
}

}  // namespace plumbago::functions
