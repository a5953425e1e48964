#include "service/ledger_service.h"

#include <cmath>
#include <map>
#include <random>
#include <utility>

#include "absl/strings/str_format.h"

namespace plumbago::service {
namespace {

std::string RandomId() {
  std::random_device device;
  return absl::StrFormat("%08x%08x", device(), device());
}

std::string LabelOr(const base::Labels& labels, const char* name) {
  const auto found = labels.find(name);
  return found == labels.end() ? "" : found->second;
}

}  // namespace

LedgerService::LedgerService(std::string service, base::Metrics& metrics, base::Clock& clock,
                             std::vector<LedgerRow> rows)
    : service_(std::move(service)),
      metrics_(metrics),
      start_id_(RandomId()),
      started_unix_ms_(absl::ToUnixMillis(clock.Now())),
      rows_(std::move(rows)) {}

grpc::Status LedgerService::GetLedger(grpc::ServerContext*, const v1::GetLedgerRequest*,
                                      v1::GetLedgerResponse* response) {
  metrics_.Refresh();
  response->set_service(service_);
  response->set_start_id(start_id_);
  response->set_started_unix_ms(started_unix_ms_);
  for (const auto& sample : metrics_.Samples("plumbago_previous_stop_was_unclean")) {
    response->set_previous_stop_was_unclean(sample.value != 0);
  }
  for (const LedgerRow& row : rows_) AddTerms(row, *response);
  return grpc::Status::OK;
}

void LedgerService::AddTerms(const LedgerRow& row, v1::GetLedgerResponse& response) {
  std::map<std::pair<std::string, std::string>, double> points;  // by tenant and reason
  for (const base::Metrics::Sample& sample : metrics_.Samples(row.metric)) {
    if (!row.service.empty() && LabelOr(sample.labels, "service") != row.service) continue;
    points[{LabelOr(sample.labels, "tenant"), LabelOr(sample.labels, "reason")}] += sample.value;
  }
  for (const auto& [key, count] : points) {
    const bool is_note = !row.note_reason.empty() && key.second == row.note_reason;
    if (count <= 0) continue;
    v1::LedgerTerm* const term = response.add_term();
    term->set_name(row.name);
    term->set_side(is_note ? v1::LedgerTerm::NOTE : row.side);
    term->set_peer(row.peer);
    term->set_tenant(key.first);
    term->set_reason(key.second);
    term->set_points(static_cast<uint64_t>(std::llround(count)));
  }
}

}  // namespace plumbago::service
