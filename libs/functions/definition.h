// One render function, whole: what it is called, what it takes, what it does.
//
// A FunctionDefinition drives parsing and checking of arguments, the fetch windows and the entry in
// /functions. Adding a function is one definition in its family's file in builtin/.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "functions/series.h"

namespace plumbago::functions {

class Call;
class WindowQuestion;

// Seconds: points with from < time <= until at the resolution of the archive.
struct TimeRange {
  int64_t from = 0;
  int64_t until = 0;
  bool operator==(const TimeRange& other) const = default;
  template <typename H>
  friend H AbslHashValue(H state, const TimeRange& range) {
    return H::combine(std::move(state), range.from, range.until);
  }
};

enum class ParameterType {
  kSeriesList,             // a path or function call
  kString,                 // in quotes
  kFloat,                  // a number
  kInteger,                //
  kNode,                   // an index of a node
  kTag,                    // the name of a tag in quotes
  kDate,                   // a time of attime.h in quotes, or an epoch; a string to the function
  kStringOrBoolean,        // a string in quotes, true or false; a string to the function
  kSeriesListOrFloat,      // a path, a function call, or a number
  kIntegerOrInfinity,      // an integer or inf
  kInterval,               // a time offset in quotes
  kIntegerOrInterval,      // a number of points or a time offset in quotes
  kBoolean,                // true or false
  kNodeOrTag,              // an index of a node, or the name of a tag in quotes
  kAggregation,            // a word of aggregation.h in quotes
  kAggregationOrFunction,  // that, or the name of an aggregating function
};

// Graphite's name of the type, as /functions has it.
const char* TypeName(ParameterType type);
// "a number", for messages.
const char* TypeDescription(ParameterType type);

// A literal argument, converted to its parameter's type. Without value: not given.
using Value = std::variant<std::monostate, bool, int64_t, double, std::string>;

struct Parameter {
  // The repeated ones always come last: once or more, or any number of times.
  enum class Presence { kRequired, kOptional, kRepeated, kAnyNumber };

  std::string name;
  ParameterType type;
  Presence presence = Presence::kRequired;
  Value default_value = {};             // of an optional one
  std::vector<Value> suggestions = {};  // for query editors
};

struct FunctionDefinition {
  std::string name;
  std::vector<std::string> aliases = {};
  std::string group = {};        // as graphite-web groups them
  std::string description = {};  // a few sentences for query editors and docs
  std::vector<Parameter> parameters = {};
  bool is_aggregator = false;  // may be the callback of groupByNode: list in, one series out
  std::string variant = {};    // what tells functions with the same `evaluate` apart

  // A function that looks at names and tags of its series only, and gives groups of them to
  // Call::Reduced, may get series without values: the groups are then reduced where they are
  // stored.
  enum class Reads { kValues, kNames };
  Reads reads = Reads::kValues;

  // The ranges in which the first parameter is evaluated, where they differ from the call's own.
  // Errors are InvalidArgument.
  absl::StatusOr<std::vector<TimeRange>> (*windows)(WindowQuestion& question) = nullptr;

  // The series of the call. Errors: InvalidArgument (arguments that only the data shows wrong),
  // ResourceExhausted (a limit, named).
  absl::StatusOr<SeriesList> (*evaluate)(Call& call) = nullptr;

  bool IsRepeated(size_t parameter) const {
    return parameters[parameter].presence == Parameter::Presence::kRepeated ||
           parameters[parameter].presence == Parameter::Presence::kAnyNumber;
  }
};

}  // namespace plumbago::functions
