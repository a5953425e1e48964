// From evaluated series to the answer of /render in the format asked for.
#pragma once

#include <optional>

#include "absl/status/statusor.h"
#include "functions/series.h"
#include "http/message.h"
#include "http/parameters.h"
#include "lineage.h"
#include "render_parameters.h"

namespace plumbago::query {

// Whether the answer is to have metrictank's envelope and lineages: meta=true, in json only.
bool WantsMeta(const http::Parameters& parameters, const RenderOptions& options);

// Short answers are a body, long ones a first part and a source of the others; with `meta`, whose
// lineages are those of the series, always a body. InvalidArgument: jsonp is not the name of a
// function.
absl::StatusOr<http::Response> AnswerRender(const http::Parameters& parameters,
                                            const RenderOptions& options,
                                            functions::SeriesList series,
                                            const std::optional<AnswerMeta>& meta = {});

}  // namespace plumbago::query
