#include "policy_view.h"

#include "absl/strings/str_cat.h"
#include "progress.h"
#include "whisper/retention.h"

namespace plumbago::ctl {
namespace {

std::string FormatLimit(uint64_t limit) { return limit == 0 ? "" : absl::StrCat(limit); }

std::string FormatArchives(const v1::FileLayout& layout) {
  std::vector<whisper::ArchiveSpec> archives;
  for (const v1::Archive& archive : layout.archive()) {
    archives.push_back({archive.seconds_per_point(), archive.point_count()});
  }
  return whisper::FormatRetentions(archives);
}

void AddLayout(const std::string& what, const v1::FileLayout& layout, Table* table) {
  table->Add({what + " retentions", FormatArchives(layout)});
  table->Add({what + " method", layout.aggregation_method()});
  table->Add({what + " xFilesFactor", absl::StrCat(layout.x_files_factor())});
  table->Add({what + " size", FormatBytes(layout.file_bytes())});
}

std::string WithEndOfLine(const std::string& text) {
  return text.empty() || text.back() == '\n' ? text : text + "\n";
}

}  // namespace

std::string FormatLayout(const v1::FileLayout& layout) {
  if (layout.archive().empty()) return "-";
  return absl::StrCat(FormatArchives(layout), " ", layout.aggregation_method(), " ",
                      layout.x_files_factor());
}

Table ExplanationTable(const std::string& metric, const v1::ExplainSchemaResponse& explanation) {
  Table table({"METRIC", metric});
  table.Add({"policy", explanation.policy_source()});
  table.Add({"schema rule", explanation.schema_rule()});
  table.Add({"aggregation rule", explanation.aggregation_rule()});
  AddLayout("wanted", explanation.wanted(), &table);
  table.Add({"file", explanation.path()});
  if (explanation.has_present()) {
    AddLayout("present", explanation.present(), &table);
  } else {
    table.Add({"present", "there is no file"});
  }
  return table;
}

void DriftReport::Add(const std::string& shard, const v1::DriftedSeries& series) {
  if (shown_.size() < shown_max_) shown_.emplace_back(shard, series);
  if (!series.error().empty()) {
    ++unreadable_count_;
    return;
  }
  ++series_count_;
  present_bytes_ += series.present().file_bytes();
  wanted_bytes_ += series.wanted().file_bytes();
  points_kept_ += series.points_kept();
  points_dropped_ += series.points_dropped();
}

Table DriftReport::SeriesTable() const {
  Table table({"SHARD", "METRIC", "PRESENT", "WANTED", "BYTES", "WANTED BYTES", "KEPT", "DROPPED",
               "ERROR"});
  for (const auto& [shard, series] : shown_) {
    table.Add({shard, series.metric(), FormatLayout(series.present()),
               FormatLayout(series.wanted()), absl::StrCat(series.present().file_bytes()),
               absl::StrCat(series.wanted().file_bytes()), absl::StrCat(series.points_kept()),
               absl::StrCat(series.points_dropped()), series.error()});
  }
  return table;
}

std::string DriftReport::Summary() const {
  std::string text =
      absl::StrCat(series_count_, " series differ from the policy: ", FormatBytes(present_bytes_),
                   " -> ", FormatBytes(wanted_bytes_), ", ", points_kept_, " points kept, ",
                   points_dropped_, " dropped or merged");
  if (unreadable_count_ > 0) absl::StrAppend(&text, "; ", unreadable_count_, " are unreadable");
  const uint64_t hidden = series_count_ + unreadable_count_ - shown_.size();
  if (hidden > 0) absl::StrAppend(&text, "; ", hidden, " are not shown, see --limit");
  return text;
}

Table QuotaTable(const std::vector<v1::ListQuotasResponse>& stores, uint32_t replication_factor) {
  std::map<std::pair<std::string, std::string>, v1::ListQuotasResponse::Quota> sums;
  for (const v1::ListQuotasResponse& store : stores) {
    for (const v1::ListQuotasResponse::Quota& quota : store.quota()) {
      auto& sum = sums[{quota.tenant(), quota.prefix()}];
      sum.set_series_max(quota.series_max());
      sum.set_bytes_max(quota.bytes_max());
      sum.set_series_count(sum.series_count() + quota.series_count());
      sum.set_file_bytes(sum.file_bytes() + quota.file_bytes());
      sum.set_refused_series_count(sum.refused_series_count() + quota.refused_series_count());
    }
  }
  Table table({"TENANT", "PREFIX", "SERIES", "OF", "BYTES", "OF", "REFUSED"});
  for (const auto& [key, sum] : sums) {
    table.Add({key.first, key.second, absl::StrCat(sum.series_count() / replication_factor),
               FormatLimit(sum.series_max()), absl::StrCat(sum.file_bytes() / replication_factor),
               FormatLimit(sum.bytes_max()), absl::StrCat(sum.refused_series_count())});
  }
  return table;
}

std::string PolicyText(const v1::Tenant& tenant) {
  if (!tenant.has_storage_policy()) {
    return absl::StrCat("# tenant ", tenant.id(),
                        " has no storage policy of its own here; the stores' files decide\n");
  }
  return absl::StrCat("# storage-schemas.conf\n",
                      WithEndOfLine(tenant.storage_policy().storage_schemas()),
                      "\n# storage-aggregation.conf\n",
                      WithEndOfLine(tenant.storage_policy().storage_aggregation()));
}

}  // namespace plumbago::ctl
