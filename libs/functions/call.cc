#include "functions/call.h"

#include "base/check.h"

namespace plumbago::functions {

const std::vector<Value>& Arguments::Repeated(absl::string_view name) const {
  size_t index = 0;
  while (index < definition_->parameters.size() && definition_->parameters[index].name != name) {
    ++index;
  }
  PLUMBAGO_CHECK(index < values_.size());
  return values_[index];
}

const Value& Arguments::Get(absl::string_view name) const {
  static const Value none;
  const std::vector<Value>& values = Repeated(name);
  return values.empty() ? none : values.front();
}

bool Arguments::IsGiven(absl::string_view name) const {
  return !std::holds_alternative<std::monostate>(Get(name));
}

bool Arguments::Boolean(absl::string_view name) const { return std::get<bool>(Get(name)); }
int64_t Arguments::Integer(absl::string_view name) const { return std::get<int64_t>(Get(name)); }
double Arguments::Float(absl::string_view name) const { return std::get<double>(Get(name)); }

std::optional<double> Arguments::OptionalFloat(absl::string_view name) const {
  if (!IsGiven(name)) return std::nullopt;
  return Float(name);
}

const std::string& Arguments::String(absl::string_view name) const {
  return std::get<std::string>(Get(name));
}

}  // namespace plumbago::functions
