#include "functions/builtin/builtin.h"

#include "functions/function_table.h"

namespace plumbago::functions {

FunctionTable MakeBuiltinFunctions() {
  return FunctionTable({
      Alias(),         AliasByNode(), AliasSub(),  AverageSeries(), ConstantLine(),
      Derivative(),    Exclude(),     Grep(),      GroupByNode(),   HighestAverage(),
      KeepLastValue(), MaxSeries(),   MinSeries(), MovingAverage(), NonNegativeDerivative(),
      Offset(),        PerSecond(),   Scale(),     SortByName(),    SumSeries(),
      Summarize(),     TimeShift(),
  });
}

}  // namespace plumbago::functions
