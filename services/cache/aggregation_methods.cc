#include "aggregation_methods.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "rpc/server.h"

namespace plumbago::cache {
namespace {

constexpr std::chrono::seconds kDeadline{1};

}  // namespace

AggregationMethods::AggregationMethods(const std::string& store_address, std::string tenant)
    : store_address_(store_address),
      tenant_(std::move(tenant)),
      stub_(v1::Store::NewStub(rpc::MakeChannel(store_address))) {}

absl::StatusOr<std::string> AggregationMethods::Find(const std::string& metric) const {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kDeadline);
  v1::FetchRequest request;
  request.set_tenant(tenant_);
  request.add_metric(metric);
  request.set_from(1);  // of no point: only what belongs to the series is wanted
  request.set_until(1);
  std::string method;
  const auto reader = stub_->Fetch(&context, request);
  v1::FetchResponse response;
  while (reader->Read(&response)) {
    for (const v1::FetchedSeries& series : response.series()) {
      if (!series.aggregation_method().empty()) method = series.aggregation_method();
    }
  }
  const grpc::Status status = reader->Finish();
  if (!status.ok()) return rpc::FromGrpc(status, absl::StrCat("store ", store_address_));
  if (!method.empty()) return method;
  return absl::NotFoundError(absl::StrCat("no series \"", base::Excerpt(metric), "\" is stored"));
}

absl::StatusOr<std::string> AggregationMethods::Set(const std::string& metric,
                                                    const std::string& method) const {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kDeadline);
  v1::SetAggregationMethodRequest request;
  request.set_tenant(tenant_);
  request.set_metric(metric);
  request.set_aggregation_method(method);
  v1::SetAggregationMethodResponse response;
  const grpc::Status status = stub_->SetAggregationMethod(&context, request, &response);
  if (!status.ok()) return rpc::FromGrpc(status, absl::StrCat("store ", store_address_));
  return response.old_aggregation_method();
}

}  // namespace plumbago::cache
