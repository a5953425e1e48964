#include "policy_rpc.h"

#include <utility>

#include "rpc/server.h"

namespace plumbago::store_service {
namespace {

std::string ToString(absl::string_view text) { return std::string(text); }

void FillLayout(const store::SeriesLayout& layout, v1::FileLayout* out) {
  for (const whisper::Archive& archive : layout.header.archives) {
    v1::Archive& entry = *out->add_archive();
    entry.set_seconds_per_point(archive.seconds_per_point);
    entry.set_point_count(archive.point_count);
  }
  out->set_aggregation_method(ToString(whisper::MethodName(layout.header.method)));
  out->set_x_files_factor(layout.header.x_files_factor);
  out->set_file_bytes(layout.file_bytes);
}

void FillDrift(const store::SeriesDrift& drift, v1::DriftedSeries* out) {
  FillLayout(drift.present, out->mutable_present());
  FillLayout(drift.wanted, out->mutable_wanted());
  out->set_points_kept(drift.counts.points_kept);
  out->set_points_dropped(drift.counts.points_dropped);
}

}  // namespace

grpc::Status PolicyRpc::ExplainSchema(const v1::ExplainSchemaRequest& request,
                                      v1::ExplainSchemaResponse* response) const {
  auto explanation = converter_.Explain(store::SeriesName(request.tenant(), request.metric()));
  if (!explanation.ok()) return rpc::ToGrpc(explanation.status());
  response->set_schema_rule(std::move(explanation->schema_rule));
  response->set_aggregation_rule(std::move(explanation->aggregation_rule));
  response->set_policy_source(ToString(store::PolicySourceName(explanation->source)));
  response->set_path(std::move(explanation->path));
  FillLayout(explanation->wanted, response->mutable_wanted());
  if (explanation->present) FillLayout(*explanation->present, response->mutable_present());
  return grpc::Status::OK;
}

grpc::Status PolicyRpc::ListDrift(const grpc::ServerContext& context,
                                  const v1::ListDriftRequest& request,
                                  grpc::ServerWriter<v1::DriftedSeries>* writer) const {
  const auto visit = [&](absl::string_view metric, const index::SeriesInfo&) {
    if (context.IsCancelled()) return false;
    const auto drift = converter_.Inspect(store::SeriesName(request.tenant(), metric));
    if (absl::IsNotFound(drift.status()) || (drift.ok() && !drift->has_value())) return true;
    v1::DriftedSeries series;
    series.set_metric(ToString(metric));
    if (drift.ok()) {
      FillDrift(**drift, &series);
    } else {
      series.set_error(ToString(drift.status().message()));
    }
    return writer->Write(series);
  };
  const absl::Status status = index_.ListMatching(request.tenant(), request.pattern(), visit);
  if (!status.ok()) return rpc::ToGrpc(status);
  if (!context.IsCancelled()) return grpc::Status::OK;
  return grpc::Status(grpc::StatusCode::CANCELLED, "the caller is gone");
}

grpc::Status PolicyRpc::ListQuotas(const v1::ListQuotasRequest& request,
                                   v1::ListQuotasResponse* response) const {
  for (const store::Quotas::State& state : quotas_.List(request.tenant())) {
    v1::ListQuotasResponse::Quota& quota = *response->add_quota();
    quota.set_tenant(state.tenant);
    quota.set_prefix(state.prefix);
    quota.set_series_max(state.series_max);
    quota.set_bytes_max(state.bytes_max);
    quota.set_series_count(state.series_count);
    quota.set_file_bytes(state.file_bytes);
    quota.set_refused_series_count(state.refused_count);
  }
  return grpc::Status::OK;
}

absl::StatusOr<store::JobRunner::Planned> PolicyRpc::PlanConvert(
    const v1::StartJobRequest& request) const {
  return store::PlanConvert(clock_, index_, converter_,
                            {.tenant = request.tenant(),
                             .pattern = request.convert_series().pattern(),
                             .is_dry_run = request.dry_run(),
                             .series_per_second = request.convert_series().series_per_second()});
}

}  // namespace plumbago::store_service
