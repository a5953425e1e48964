// A horizontal line through the whole request.
#pragma once

#include "functions/call.h"

namespace plumbago::functions {

// Three points, named after the value, as constantLine() draws it.
Series ConstantLineOf(const Call& call, double value);

}  // namespace plumbago::functions
