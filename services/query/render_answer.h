// From evaluated series to the answer of /render in the format asked for.
#pragma once

#include "absl/status/statusor.h"
#include "functions/series.h"
#include "http/message.h"
#include "http/parameters.h"
#include "render_parameters.h"

namespace plumbago::query {

// Short answers are a body, long ones a first part and a source of the others. InvalidArgument:
// jsonp is not the name of a function.
absl::StatusOr<http::Response> AnswerRender(const http::Parameters& parameters,
                                            const RenderOptions& options,
                                            functions::SeriesList series);

}  // namespace plumbago::query
