// How one format writes one series after the other; MakeRenderStream cuts the result into parts.
//
// Calls come in this order: Begin, then for each series that has a place BeginSeries, AppendPoints
// with consecutive ranges, EndSeries, at last End.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "functions/series.h"
#include "query/render_format.h"

namespace plumbago::query::internal {

class SeriesEncoder {
 public:
  virtual ~SeriesEncoder() = default;
  virtual void Begin(const functions::SeriesList& list, std::string& out) = 0;
  virtual bool HasPlace(const functions::Series& series) const = 0;
  virtual size_t PointCount(const functions::Series& series) const = 0;
  virtual void BeginSeries(const functions::Series& series, std::string& out) = 0;
  // Points first..last-1.
  virtual void AppendPoints(const functions::Series& series, size_t first, size_t last,
                            std::string& out) = 0;
  virtual void EndSeries(std::string& out) = 0;
  virtual void End(std::string& out) = 0;
};

std::unique_ptr<SeriesEncoder> MakeJsonEncoder(NullPoints null_points);
std::unique_ptr<SeriesEncoder> MakeRickshawEncoder();
std::unique_ptr<SeriesEncoder> MakeCsvEncoder(absl::TimeZone zone);
std::unique_ptr<SeriesEncoder> MakeRawEncoder();
std::unique_ptr<SeriesEncoder> MakePickleEncoder();
std::unique_ptr<SeriesEncoder> MakeMsgpackEncoder();
std::unique_ptr<SeriesEncoder> MakeProtobufV2Encoder();
std::unique_ptr<SeriesEncoder> MakeProtobufV3Encoder(const RequestedRange& range);

// Rows over all series, so not one series after the other.
std::unique_ptr<RenderStream> MakeDygraphStream(functions::SeriesList list);

// A value as Python's repr, without ".0" where the series is of integers.
void AppendNumber(const functions::Series& series, double value, std::string& out);
// The same as JSON: null where it is not finite.
void AppendJsonNumber(const functions::Series& series, double value, std::string& out);
// Into a buffer with room for functions::kNumberBytesMax: the end of what was written.
char* WriteJsonNumber(const functions::Series& series, double value, char* out);

// Whether `value` of `series` is to be written as an integer.
bool IsInteger(const functions::Series& series, double value);

// The word of consolidateBy.
absl::string_view ConsolidationWord(functions::Consolidation consolidation);

}  // namespace plumbago::query::internal
