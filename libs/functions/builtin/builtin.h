// Every function that targets can call: one definition each, in the file of its name.
#pragma once

#include "functions/definition.h"

namespace plumbago::functions {

FunctionDefinition Alias();
FunctionDefinition AliasByNode();
FunctionDefinition AliasSub();
FunctionDefinition AverageSeries();
FunctionDefinition ConstantLine();
FunctionDefinition Derivative();
FunctionDefinition Exclude();
FunctionDefinition Grep();
FunctionDefinition GroupByNode();
FunctionDefinition HighestAverage();
FunctionDefinition KeepLastValue();
FunctionDefinition MaxSeries();
FunctionDefinition MinSeries();
FunctionDefinition MovingAverage();
FunctionDefinition NonNegativeDerivative();
FunctionDefinition Offset();
FunctionDefinition PerSecond();
FunctionDefinition Scale();
FunctionDefinition SortByName();
FunctionDefinition SumSeries();
FunctionDefinition Summarize();
FunctionDefinition TimeShift();

}  // namespace plumbago::functions
