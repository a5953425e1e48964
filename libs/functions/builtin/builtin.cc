#include "functions/builtin/builtin.h"

#include "functions/builtin/family.h"
#include "functions/function_table.h"

namespace plumbago::functions {

FunctionTable MakeBuiltinFunctions() {
  std::vector<FunctionDefinition> all;
  for (const auto& family :
       {AggregateFunctions,   AliasFunctions,       ArithmeticFunctions, BaselineFunctions,
        CompareFunctions,     CorrelationFunctions, DrawFunctions,       FilterFunctions,
        FourierFunctions,     GroupFunctions,       GrowthFunctions,     HitcountFunctions,
        HoltWintersFunctions, LegendFunctions,      MovingFunctions,     NullFunctions,
        PercentileFunctions,  RegressionFunctions,  ShareFunctions,      SortFunctions,
        SourceFunctions,      SummarizeFunctions,   TimeFunctions}) {
    Append(family(), all);
  }
  return FunctionTable(std::move(all));
}

}  // namespace plumbago::functions
