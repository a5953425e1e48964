#include "table.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/check.h"

namespace plumbago::ctl {
namespace {

std::string WithoutControlCharacters(std::string cell) {
  std::replace_if(
      cell.begin(), cell.end(),
      [](char c) { return absl::ascii_iscntrl(static_cast<unsigned char>(c)); }, '?');
  return cell.empty() ? "-" : cell;
}

}  // namespace

void Table::Add(Row row) {
  PLUMBAGO_CHECK(row.size() == rows_.front().size());
  std::transform(row.begin(), row.end(), row.begin(), WithoutControlCharacters);
  rows_.push_back(std::move(row));
}

std::string Table::Format() const {
  std::vector<size_t> width(rows_.front().size(), 0);
  for (const Row& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) width[i] = std::max(width[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) {
      const bool is_last = i + 1 == row.size();
      absl::StrAppend(&text, row[i],
                      is_last ? "\n" : std::string(width[i] - row[i].size() + 2, ' '));
    }
  }
  return text;
}

std::string FormatUnixMs(int64_t unix_ms) {
  if (unix_ms == 0) return "-";
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixMillis(unix_ms), absl::UTCTimeZone());
}

}  // namespace plumbago::ctl
