#include "functions/definition.h"

namespace plumbago::functions {

const char* TypeName(ParameterType type) {
  switch (type) {
    case ParameterType::kSeriesList:
      return "seriesList";
    case ParameterType::kString:
      return "string";
    case ParameterType::kFloat:
      return "float";
    case ParameterType::kInteger:
      return "integer";
    case ParameterType::kNode:
      return "node";
    case ParameterType::kTag:
      return "tag";
    case ParameterType::kDate:
      return "date";
    case ParameterType::kStringOrBoolean:
      return "string";
    case ParameterType::kSeriesListOrFloat:
      return "any";
    case ParameterType::kIntegerOrInfinity:
      return "intOrInf";
    case ParameterType::kInterval:
      return "interval";
    case ParameterType::kIntegerOrInterval:
      return "intOrInterval";
    case ParameterType::kBoolean:
      return "boolean";
    case ParameterType::kNodeOrTag:
      return "nodeOrTag";
    case ParameterType::kAggregation:
      return "aggFunc";
    case ParameterType::kAggregationOrFunction:
      return "aggOrSeriesFunc";
  }
  return "any";
}

const char* TypeDescription(ParameterType type) {
  switch (type) {
    case ParameterType::kSeriesList:
      return "a path or a function call";
    case ParameterType::kString:
      return "a string in quotes";
    case ParameterType::kFloat:
      return "a number";
    case ParameterType::kInteger:
      return "an integer";
    case ParameterType::kNode:
      return "the index of a node";
    case ParameterType::kTag:
      return "the name of a tag in quotes";
    case ParameterType::kDate:
      return "a time in quotes, such as \"-1d\" or \"noon yesterday\", or an epoch";
    case ParameterType::kStringOrBoolean:
      return "a string in quotes, true or false";
    case ParameterType::kSeriesListOrFloat:
      return "a path, a function call or a number";
    case ParameterType::kIntegerOrInfinity:
      return "an integer or inf";
    case ParameterType::kInterval:
      return "an interval in quotes, such as \"10min\", \"1h\" or \"7d\"";
    case ParameterType::kIntegerOrInterval:
      return "a number of points, or an interval in quotes such as \"10min\"";
    case ParameterType::kBoolean:
      return "true or false";
    case ParameterType::kNodeOrTag:
      return "the index of a node, or the name of a tag in quotes";
    case ParameterType::kAggregation:
      return "an aggregation in quotes, such as \"sum\" or \"average\"";
    case ParameterType::kAggregationOrFunction:
      return "an aggregation or aggregating function in quotes, such as \"sum\" or \"maxSeries\"";
  }
  return "a value";
}

}  // namespace plumbago::functions
