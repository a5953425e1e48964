// plumbago.v1.Ledger of a process: its counters and gauges under the names of the ledger.
//
// Each service says with rows which of its metrics are terms, so that the ledger and /metrics
// cannot differ. Thread-safe.
#pragma once

#include <grpcpp/grpcpp.h>

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "plumbago/v1/ledger.grpc.pb.h"

namespace plumbago::service {

// One metric as a term. Its samples are added up by their labels `tenant` and `reason`.
struct LedgerRow {
  std::string name;  // of the term
  v1::LedgerTerm::Side side;
  std::string peer;
  std::string metric;
  // Only samples with this label "service"; empty: all.
  std::string service = {};
  // Samples of this reason are a NOTE: their points have left by another term.
  std::string note_reason = {};
};

class LedgerService final : public v1::Ledger::Service {
 public:
  // `metrics` must outlive the service. `service` is one word: relay.
  LedgerService(std::string service, base::Metrics& metrics, base::Clock& clock,
                std::vector<LedgerRow> rows);

  grpc::Status GetLedger(grpc::ServerContext* context, const v1::GetLedgerRequest* request,
                         v1::GetLedgerResponse* response) override;

 private:
  void AddTerms(const LedgerRow& row, v1::GetLedgerResponse& response);

  const std::string service_;
  base::Metrics& metrics_;
  const std::string start_id_;
  const int64_t started_unix_ms_;
  const std::vector<LedgerRow> rows_;
};

}  // namespace plumbago::service
