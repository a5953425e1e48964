// The payloads of a cache's journal: series by number, and points of numbered series.
//
// Numbers count within one segment, so that each segment can be read, and cut off, by itself.
// Pure functions; integers are little-endian (docs/formats/journal.md).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace plumbago::journal {

constexpr uint32_t kSeriesRecord = 1;
constexpr uint32_t kPointsRecord = 2;
constexpr uint32_t kArrivedPointsRecord = 3;  // begins with when its points arrived at the relay

// Appends one series to the payload of a series record. tenant and metric have at most 65,535
// bytes.
void AppendSeries(uint32_t number, absl::string_view tenant, absl::string_view metric,
                  std::string& payload);

struct NumberedSeries {
  uint32_t number = 0;
  absl::string_view tenant;
  absl::string_view metric;
};
// DataLoss where the payload is malformed.
absl::Status ParseSeries(absl::string_view payload, std::vector<NumberedSeries>* series);

// Appends n points in columns of n entries.
void AppendPoints(absl::Span<const uint32_t> numbers, absl::Span<const uint32_t> time_seconds,
                  absl::Span<const double> values, std::string& payload);

// Appends when the points arrived at the relay, in front of AppendPoints.
void AppendArrival(int64_t received_unix_ms, std::string& payload);

struct PointColumns {
  int64_t received_unix_ms = 0;  // 0: not known
  std::vector<uint32_t> numbers;
  std::vector<uint32_t> time_seconds;
  std::vector<double> values;
};
// Takes the arrival off the payload. DataLoss where the payload is malformed.
absl::Status ParseArrival(absl::string_view* payload, PointColumns* columns);
// Replaces the columns. DataLoss where the payload is malformed.
absl::Status ParsePoints(absl::string_view payload, PointColumns* columns);

}  // namespace plumbago::journal
