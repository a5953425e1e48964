#include "traffic_view.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace plumbago::ctl {
namespace {

void AddRow(const v1::TopResponse::Row& from, v1::TopResponse::Row* sum) {
  sum->set_tenant(from.tenant());
  sum->set_key(from.key());
  sum->set_points_per_second(sum->points_per_second() + from.points_per_second());
  sum->set_points_per_second_error(sum->points_per_second_error() + from.points_per_second_error());
  sum->set_new_series_per_second(sum->new_series_per_second() + from.new_series_per_second());
  sum->set_bytes_per_second(sum->bytes_per_second() + from.bytes_per_second());
  for (const auto& refused : from.refused()) {
    auto* const all = sum->mutable_refused();
    auto found = std::find_if(all->begin(), all->end(),
                              [&](const auto& each) { return each.reason() == refused.reason(); });
    v1::TopResponse::Refused* const one = found == all->end() ? sum->add_refused() : &*found;
    one->set_reason(refused.reason());
    one->set_points_per_second(one->points_per_second() + refused.points_per_second());
  }
}

std::string FormatPoints(const v1::TopResponse::Row& row) {
  // An error that the figures do not show says nothing.
  const bool is_rough = row.points_per_second_error() >= row.points_per_second() / 100;
  return is_rough && row.points_per_second_error() > 0
             ? absl::StrCat(FormatRate(row.points_per_second()), " +-",
                            FormatRate(row.points_per_second_error()))
             : FormatRate(row.points_per_second());
}

std::string FormatRefused(const v1::TopResponse::Row& row) {
  return absl::StrJoin(row.refused(), ", ", [](std::string* out, const auto& refused) {
    absl::StrAppend(out, refused.reason(), " ", FormatRate(refused.points_per_second()));
  });
}

}  // namespace

std::string FormatRate(double per_second) {
  const struct {
    double unit;
    const char* name;
  } kUnits[] = {{1e9, "G"}, {1e6, "M"}, {1e4, "k"}};
  for (const auto& unit : kUnits) {
    const double divisor = unit.unit == 1e4 ? 1e3 : unit.unit;
    if (per_second >= unit.unit) return absl::StrFormat("%.1f%s", per_second / divisor, unit.name);
  }
  if (per_second == 0) return "0";
  return absl::StrFormat(per_second < 10 ? "%.1f" : "%.0f", per_second);
}

v1::TopResponse MergeTop(const std::vector<v1::TopResponse>& relays, size_t limit) {
  std::map<std::pair<std::string, std::string>, v1::TopResponse::Row> rows;
  v1::TopResponse merged;
  for (const v1::TopResponse& relay : relays) {
    const bool is_first = &relay == relays.data();
    merged.set_seconds(is_first ? relay.seconds() : std::min(merged.seconds(), relay.seconds()));
    merged.set_points_per_second(merged.points_per_second() + relay.points_per_second());
    for (const auto& row : relay.rows()) AddRow(row, &rows[{row.tenant(), row.key()}]);
  }
  for (auto& [key, row] : rows) *merged.add_rows() = std::move(row);
  std::stable_sort(
      merged.mutable_rows()->begin(), merged.mutable_rows()->end(),
      [](const auto& a, const auto& b) { return a.points_per_second() > b.points_per_second(); });
  const int kept = static_cast<int>(std::min<size_t>(limit, merged.rows_size()));
  merged.mutable_rows()->DeleteSubrange(kept, merged.rows_size() - kept);
  return merged;
}

Table TopTable(const v1::TopResponse& top, v1::TopRequest::By by) {
  const char* const key = by == v1::TopRequest::PREFIX ? "PREFIX" : "SOURCE";
  Table::Row header{"TENANT", key, "POINTS/S", "NEW SERIES/S", "BYTES/S", "REFUSED/S"};
  const bool has_key = by != v1::TopRequest::TENANT;
  if (!has_key) header.erase(header.begin() + 1);
  Table table(header);
  for (const auto& row : top.rows()) {
    Table::Row cells{row.tenant(),
                     row.key(),
                     FormatPoints(row),
                     FormatRate(row.new_series_per_second()),
                     FormatRate(row.bytes_per_second()),
                     FormatRefused(row)};
    if (!has_key) cells.erase(cells.begin() + 1);
    table.Add(std::move(cells));
  }
  return table;
}

std::string TopSummary(const v1::TopResponse& top) {
  if (top.seconds() == 0) return "no full second has been seen yet; ask again";
  return absl::StrFormat("%s points/s over the last %.0f s", FormatRate(top.points_per_second()),
                         top.seconds());
}

}  // namespace plumbago::ctl
