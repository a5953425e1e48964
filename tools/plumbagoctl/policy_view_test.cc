// Proves how layouts, drift and quotas are shown, and their sums.
#include "policy_view.h"

#include <catch2/catch.hpp>

namespace plumbago::ctl {
namespace {

v1::FileLayout Layout(uint32_t point_count) {
  v1::FileLayout layout;
  v1::Archive& archive = *layout.add_archive();
  archive.set_seconds_per_point(10);
  archive.set_point_count(point_count);
  layout.set_aggregation_method("sum");
  layout.set_x_files_factor(0.5F);
  layout.set_file_bytes(28 + 12 * point_count);
  return layout;
}

TEST_CASE("A layout is shown as one writes it", "[plumbagoctl]") {
  CHECK(FormatLayout(Layout(360)) == "10s:1h sum 0.5");
  CHECK(FormatLayout(v1::FileLayout()) == "-");
}

TEST_CASE("An explanation says that there is no file, or what it is", "[plumbagoctl]") {
  v1::ExplainSchemaResponse explanation;
  explanation.set_schema_rule("[a] of storage-schemas.conf line 1");
  *explanation.mutable_wanted() = Layout(360);
  CHECK_THAT(ExplanationTable("a.b", explanation).Format(),
             Catch::Matchers::Contains("there is no file"));
  *explanation.mutable_present() = Layout(720);
  CHECK_THAT(ExplanationTable("a.b", explanation).Format(),
             Catch::Matchers::Contains("present retentions    10s:2h"));
}

TEST_CASE("Drift is summed over all series, shown or not", "[plumbagoctl]") {
  DriftReport report(1);
  v1::DriftedSeries series;
  series.set_metric("a");
  *series.mutable_present() = Layout(360);
  *series.mutable_wanted() = Layout(720);
  series.set_points_kept(10);
  series.set_points_dropped(1);
  report.Add("s", series);
  report.Add("s", series);
  v1::DriftedSeries damaged;
  damaged.set_error("damaged");
  report.Add("s", damaged);
  CHECK(report.shown().size() == 1);
  CHECK(report.Summary() ==
        "2 series differ from the policy: 8.5 KiB -> 16.9 KiB, 20 points kept, 2 dropped or "
        "merged; 1 are unreadable; 2 are not shown, see --limit");
}

TEST_CASE("Quotas of replicas are added up once", "[plumbagoctl]") {
  v1::ListQuotasResponse store;
  auto& quota = *store.add_quota();
  quota.set_tenant("t");
  quota.set_prefix("a.b");
  quota.set_series_max(10);
  quota.set_series_count(4);
  quota.set_file_bytes(100);
  quota.set_refused_series_count(3);
  CHECK(QuotaTable({store, store}, 2).Format() ==
        "TENANT  PREFIX  SERIES  OF  BYTES  OF  REFUSED\n"
        "t       a.b     4       10  100    -   6\n");
}

TEST_CASE("A policy is shown as the two files", "[plumbagoctl]") {
  v1::Tenant tenant;
  tenant.set_id("t");
  CHECK_THAT(PolicyText(tenant), Catch::Matchers::Contains("no storage policy of its own"));
  tenant.mutable_storage_policy()->set_storage_schemas("[a]");
  CHECK(PolicyText(tenant) == "# storage-schemas.conf\n[a]\n\n# storage-aggregation.conf\n");
}

}  // namespace
}  // namespace plumbago::ctl
