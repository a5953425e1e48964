// Answers of /render as text: json, csv and raw.
//
// Written straight into one string with shortest-digit conversions; no intermediate documents.
// Pure.
#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "functions/series.h"

namespace plumbago::query {

enum class NullPoints { kKeep, kDrop };

// [{"target":...,"tags":{...},"datapoints":[[value|null,time],...]},...]. NaN and infinities are
// null: Grafana's JSON reader refuses everything else. Dropping nulls drops series without values
// too. If no series has a point the answer is [].
std::string RenderJson(const functions::SeriesList& list, NullPoints null_points);

// name,YYYY-MM-DD HH:MM:SS,value with CRLF, times in `zone`; null is empty.
std::string RenderCsv(const functions::SeriesList& list, absl::TimeZone zone);

// name,start,end,step|v1,v2,...; null is None.
std::string RenderRaw(const functions::SeriesList& list);

}  // namespace plumbago::query
