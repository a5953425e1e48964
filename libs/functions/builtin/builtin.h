// Every function that targets can call: one table of definitions a family, in the file of its name.
#pragma once

#include <vector>

#include "functions/definition.h"

namespace plumbago::functions {

std::vector<FunctionDefinition> AggregateFunctions();    // aggregate_series.cc
std::vector<FunctionDefinition> AliasFunctions();        // alias.cc
std::vector<FunctionDefinition> ArithmeticFunctions();   // arithmetic.cc
std::vector<FunctionDefinition> BaselineFunctions();     // baseline.cc
std::vector<FunctionDefinition> CompareFunctions();      // compare.cc
std::vector<FunctionDefinition> CorrelationFunctions();  // correlation.cc
std::vector<FunctionDefinition> DrawFunctions();         // draw.cc
std::vector<FunctionDefinition> FilterFunctions();       // filter.cc
std::vector<FunctionDefinition> FourierFunctions();      // fourier.cc
std::vector<FunctionDefinition> GroupFunctions();        // group.cc
std::vector<FunctionDefinition> GrowthFunctions();       // growth.cc
std::vector<FunctionDefinition> HitcountFunctions();     // hitcount.cc
std::vector<FunctionDefinition> HoltWintersFunctions();  // holt_winters.cc
std::vector<FunctionDefinition> LegendFunctions();       // legend.cc
std::vector<FunctionDefinition> MovingFunctions();       // moving_window.cc
std::vector<FunctionDefinition> NullFunctions();         // nulls.cc
std::vector<FunctionDefinition> PercentileFunctions();   // percentile.cc
std::vector<FunctionDefinition> RegressionFunctions();   // regression.cc
std::vector<FunctionDefinition> ShareFunctions();        // as_percent.cc
std::vector<FunctionDefinition> SortFunctions();         // sort.cc
std::vector<FunctionDefinition> SourceFunctions();       // sources.cc
std::vector<FunctionDefinition> SummarizeFunctions();    // summarize.cc
std::vector<FunctionDefinition> TimeFunctions();         // time_shift.cc

}  // namespace plumbago::functions
