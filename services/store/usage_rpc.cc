#include "usage_rpc.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "metric/slot.h"
#include "rpc/server.h"

namespace plumbago::store_service {
namespace {

grpc::Status Invalid(absl::string_view message) {
  return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, std::string(message));
}

// Sends many small messages, gathered to few packets. False: the caller is gone. Needs
// SendInitialMetadata before it: a buffered message that carries it waits until something else is
// written to the connection, as a keepalive after many seconds.
template <typename Message>
bool Send(grpc::ServerWriter<Message>& writer, const Message& message) {
  return writer.Write(message, grpc::WriteOptions().set_buffer_hint());
}

grpc::Status EndOf(const absl::Status& status, bool is_gone) {
  if (!status.ok()) return rpc::ToGrpc(status);
  return is_gone ? grpc::Status(grpc::StatusCode::CANCELLED, "the caller is gone")
                 : grpc::Status::OK;
}

}  // namespace

grpc::Status UsageRpc::DiskUsage(grpc::ServerContext*, const v1::DiskUsageRequest* request,
                                 v1::DiskUsageResponse* response) {
  if (request->tenant().empty()) return Invalid("the request names no tenant");
  const size_t branches_max =
      request->max_branches() == 0
          ? options_.branches_max
          : std::min<size_t>(request->max_branches(), options_.branches_max);
  const auto branches =
      index_.DiskUsage(request->tenant(), request->pattern(), request->depth(), branches_max);
  if (!branches.ok()) return rpc::ToGrpc(branches.status());
  for (const index::BranchUsage& branch : *branches) {
    v1::DiskUsageResponse::Branch* added = response->add_branch();
    added->set_path(branch.path);
    added->set_series_count(branch.usage.series_count);
    added->set_file_bytes(branch.usage.file_bytes);
    added->set_last_update_unix_seconds(branch.usage.last_update_unix_seconds);
    added->set_is_leaf(branch.is_leaf);
  }
  return grpc::Status::OK;
}

grpc::Status UsageRpc::ListStale(grpc::ServerContext*, const v1::ListStaleRequest* request,
                                 grpc::ServerWriter<v1::SeriesUsage>* writer) {
  if (request->tenant().empty()) return Invalid("the request names no tenant");
  if (request->before_unix_seconds() <= 0) {
    return Invalid(absl::StrCat("before_unix_seconds is ", request->before_unix_seconds(),
                                "; it must be a time after 1970"));
  }
  writer->SendInitialMetadata();
  bool is_gone = false;
  v1::SeriesUsage series;
  const absl::Status status =
      index_.ListStale(request->tenant(), request->pattern(), request->before_unix_seconds(),
                       [&](absl::string_view metric, const index::SeriesInfo& info) {
                         series.set_metric(metric.data(), metric.size());
                         series.set_file_bytes(info.file_bytes);
                         series.set_last_update_unix_seconds(info.last_update_unix_seconds);
                         is_gone = !Send(*writer, series);
                         return !is_gone;
                       });
  return EndOf(status, is_gone);
}

grpc::Status UsageRpc::ListSlot(grpc::ServerContext*, const v1::ListSlotRequest* request,
                                grpc::ServerWriter<v1::SlotSeries>* writer) {
  if (request->slot() >= metric::kSlotCount) {
    return Invalid(
        absl::StrCat("there is no slot ", request->slot(), "; use 0 to ", metric::kSlotCount - 1));
  }
  writer->SendInitialMetadata();
  bool is_gone = false;
  v1::SlotSeries series;
  const absl::Status status =
      index_.ListSlot(request->slot(), [&](absl::string_view tenant, absl::string_view metric) {
        series.set_tenant(tenant.data(), tenant.size());
        series.set_metric(metric.data(), metric.size());
        is_gone = !Send(*writer, series);
        return !is_gone;
      });
  return EndOf(status, is_gone);
}

}  // namespace plumbago::store_service
