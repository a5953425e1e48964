// How storage policies, drift and quotas are shown. Pure functions.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "plumbago/v1/store_admin.pb.h"
#include "plumbago/v1/tenants.pb.h"
#include "table.h"

namespace plumbago::ctl {

// "10s:6h,1m:1w average 0.5"; "-" for no layout.
std::string FormatLayout(const v1::FileLayout& layout);

// What a metric's file would be and is, one fact a row.
Table ExplanationTable(const std::string& metric, const v1::ExplainSchemaResponse& explanation);

// The drifted series that are shown, and sums over all of them.
class DriftReport {
 public:
  explicit DriftReport(size_t shown_max) : shown_max_(shown_max) {}

  void Add(const std::string& shard, const v1::DriftedSeries& series);

  Table SeriesTable() const;
  // "12 series differ from the policy: 1.5 MiB -> 3 MiB, 100 points kept, 7 dropped; 1 unreadable".
  std::string Summary() const;
  const std::vector<std::pair<std::string, v1::DriftedSeries>>& shown() const { return shown_; }

 private:
  const size_t shown_max_;
  std::vector<std::pair<std::string, v1::DriftedSeries>> shown_;  // by shard
  uint64_t series_count_ = 0;
  uint64_t unreadable_count_ = 0;
  uint64_t present_bytes_ = 0;
  uint64_t wanted_bytes_ = 0;
  uint64_t points_kept_ = 0;
  uint64_t points_dropped_ = 0;
};

// The quotas of several stores, one row each; what is used is the sum over the stores divided by
// `replication_factor`, so that each series counts once.
Table QuotaTable(const std::vector<v1::ListQuotasResponse>& stores, uint32_t replication_factor);

// Both files as text, to be read, changed and given to set-policy again.
std::string PolicyText(const v1::Tenant& tenant);

}  // namespace plumbago::ctl
