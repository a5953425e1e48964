#include "journal/point_records.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace plumbago::journal {
namespace {

constexpr size_t kSeriesHeaderBytes = 8;  // number, bytes of the tenant, bytes of the metric
constexpr size_t kNameBytesMax = UINT16_MAX;
constexpr size_t kPointBytes = 16;

template <typename T>
void Put(T value, std::string& bytes) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

template <typename T>
T Get(absl::string_view bytes, size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(value));
  return value;
}

template <typename T>
void PutColumn(absl::Span<const T> column, std::string& bytes) {
  bytes.append(reinterpret_cast<const char*>(column.data()), column.size() * sizeof(T));
}

template <typename T>
void GetColumn(absl::string_view& bytes, size_t count, std::vector<T>& column) {
  column.resize(count);
  if (count > 0) std::memcpy(column.data(), bytes.data(), count * sizeof(T));
  bytes.remove_prefix(count * sizeof(T));
}

}  // namespace

void AppendSeries(uint32_t number, absl::string_view tenant, absl::string_view metric,
                  std::string& payload) {
  PLUMBAGO_CHECK(tenant.size() <= kNameBytesMax && metric.size() <= kNameBytesMax);
  Put(number, payload);
  Put(static_cast<uint16_t>(tenant.size()), payload);
  Put(static_cast<uint16_t>(metric.size()), payload);
  payload.append(tenant.data(), tenant.size());
  payload.append(metric.data(), metric.size());
}

absl::Status ParseSeries(absl::string_view payload, std::vector<NumberedSeries>* series) {
  series->clear();
  while (!payload.empty()) {
    if (payload.size() < kSeriesHeaderBytes) {
      return absl::DataLossError(absl::StrCat("a series of ", payload.size(), " bytes"));
    }
    const auto number = Get<uint32_t>(payload, 0);
    const size_t tenant_bytes = Get<uint16_t>(payload, 4);
    const size_t metric_bytes = Get<uint16_t>(payload, 6);
    payload.remove_prefix(kSeriesHeaderBytes);
    if (payload.size() < tenant_bytes + metric_bytes) {
      return absl::DataLossError(absl::StrCat("series ", number, " has a name of ",
                                              tenant_bytes + metric_bytes, " bytes, but ",
                                              payload.size(), " are left"));
    }
    series->push_back({.number = number,
                       .tenant = payload.substr(0, tenant_bytes),
                       .metric = payload.substr(tenant_bytes, metric_bytes)});
    payload.remove_prefix(tenant_bytes + metric_bytes);
  }
  return absl::OkStatus();
}

void AppendPoints(absl::Span<const uint32_t> numbers, absl::Span<const uint32_t> time_seconds,
                  absl::Span<const double> values, std::string& payload) {
  PLUMBAGO_CHECK(numbers.size() == time_seconds.size() && numbers.size() == values.size());
  payload.reserve(payload.size() + values.size() * kPointBytes + sizeof(uint64_t));
  PutColumn(numbers, payload);
  PutColumn(time_seconds, payload);
  PutColumn(values, payload);
}

void AppendArrival(int64_t received_unix_ms, std::string& payload) {
  Put(received_unix_ms, payload);
}

absl::Status ParseArrival(absl::string_view* payload, PointColumns* columns) {
  if (payload->size() < sizeof(int64_t)) {
    return absl::DataLossError(
        absl::StrCat("an arrival of ", payload->size(), " bytes; it has ", sizeof(int64_t)));
  }
  columns->received_unix_ms = Get<int64_t>(*payload, 0);
  payload->remove_prefix(sizeof(int64_t));
  return absl::OkStatus();
}

absl::Status ParsePoints(absl::string_view payload, PointColumns* columns) {
  const size_t count = payload.size() / kPointBytes;
  if (payload.size() != count * kPointBytes) {
    return absl::DataLossError(
        absl::StrCat(payload.size(), " bytes of points are not a multiple of ", kPointBytes));
  }
  GetColumn(payload, count, columns->numbers);
  GetColumn(payload, count, columns->time_seconds);
  GetColumn(payload, count, columns->values);
  return absl::OkStatus();
}

}  // namespace plumbago::journal
