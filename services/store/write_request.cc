#include "write_request.h"

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace plumbago::store_service {
namespace {

absl::Status DefineSeries(const v1::SeriesDefinitions& definitions, store::WriteSession& session) {
  const int count = definitions.id_size();
  if (definitions.tenant_index_size() != count || definitions.metric_bytes_size() != count) {
    return absl::InvalidArgumentError(absl::StrCat(
        "definitions have columns of ", count, " ids, ", definitions.tenant_index_size(),
        " tenants and ", definitions.metric_bytes_size(), " lengths; they must be equal"));
  }
  absl::string_view rest = definitions.metrics();
  for (int i = 0; i < count; ++i) {
    const uint32_t tenant = definitions.tenant_index(i);
    const uint32_t metric_bytes = definitions.metric_bytes(i);
    if (tenant >= static_cast<uint32_t>(definitions.tenant_size())) {
      return absl::InvalidArgumentError(
          absl::StrCat("tenant index ", tenant, " is not below ", definitions.tenant_size()));
    }
    if (metric_bytes > rest.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("metric ", i, " has ", metric_bytes, " bytes; ", rest.size(), " are left"));
    }
    PLUMBAGO_RETURN_IF_ERROR(session.Define(definitions.id(i),
                                            definitions.tenant(static_cast<int>(tenant)),
                                            rest.substr(0, metric_bytes)));
    rest.remove_prefix(metric_bytes);
  }
  if (rest.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(rest.size(), " bytes of metrics belong to no definition"));
}

absl::Status FillEntries(const v1::WriteRequest& request, const store::WriteSession& session,
                         store::WriteBatch* batch) {
  const auto point_total = static_cast<size_t>(request.time_size());
  size_t first_point = 0;
  batch->entries.reserve(static_cast<size_t>(request.series_id_size()));
  for (int i = 0; i < request.series_id_size(); ++i) {
    store::SessionSeries* const series = session.FindSeries(request.series_id(i));
    if (series == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("series id ", request.series_id(i), " is not defined"));
    }
    const size_t point_count = request.point_count(i);
    batch->entries.push_back({.series_id = request.series_id(i),
                              .series = series,
                              .first_point = first_point,
                              .point_count = point_count});
    first_point += point_count;
  }
  if (first_point == point_total) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("point counts add up to ", first_point,
                                                 "; there "
                                                 "are ",
                                                 point_total, " points"));
}

}  // namespace

absl::StatusOr<std::shared_ptr<store::WriteBatch>> ToBatch(const v1::WriteRequest& request,
                                                           store::WriteSession& session) {
  if (request.series_id_size() != request.point_count_size() ||
      request.time_size() != request.value_size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("columns of ", request.series_id_size(), " ids and ",
                     request.point_count_size(), " counts, of ", request.time_size(), " times and ",
                     request.value_size(), " values; they must be equal in pairs"));
  }
  PLUMBAGO_RETURN_IF_ERROR(DefineSeries(request.definitions(), session));
  auto batch = std::make_shared<store::WriteBatch>();
  batch->sequence = request.sequence();
  batch->wants_checkpoint = request.wants_checkpoint();
  PLUMBAGO_RETURN_IF_ERROR(FillEntries(request, session, batch.get()));
  batch->points.reserve(static_cast<size_t>(request.time_size()));
  for (int i = 0; i < request.time_size(); ++i) {
    batch->points.push_back({.time = request.time(i), .value = request.value(i)});
  }
  return batch;
}

}  // namespace plumbago::store_service
