#include "index/internal/record.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "index/series_index.h"

namespace plumbago::index::internal {
namespace {

constexpr size_t kFileBytesSize = 8;
constexpr size_t kLastUpdateSize = 4;
constexpr size_t kValueSize = kFileBytesSize + kLastUpdateSize;

void AppendLittleEndian(uint64_t number, size_t size, std::string* out) {
  for (size_t i = 0; i < size; ++i) out->push_back(static_cast<char>(number >> (8 * i) & 0xff));
}

uint64_t ReadLittleEndian(absl::string_view bytes) {
  uint64_t number = 0;
  for (size_t i = bytes.size(); i-- > 0;) number = number << 8 | static_cast<uint8_t>(bytes[i]);
  return number;
}

}  // namespace

std::string TenantPrefix(absl::string_view tenant) {
  return absl::StrCat(kSeriesPrefix, tenant, absl::string_view("\0", 1));
}

absl::Status ValidateSeries(absl::string_view tenant, absl::string_view metric) {
  const auto invalid = [&](absl::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat("series \"", base::Excerpt(metric),
                                                   "\" of tenant \"", base::Excerpt(tenant),
                                                   "\" cannot be indexed: ", why));
  };
  if (tenant.empty()) return invalid("the tenant is empty");
  if (metric.empty()) return invalid("the name is empty");
  if (metric.size() > kMetricBytesMax) {
    return invalid(absl::StrCat("its ", metric.size(), " bytes are more than ", kMetricBytesMax));
  }
  if (absl::StrContains(tenant, '\0') || absl::StrContains(metric, '\0')) {
    return invalid("it has a zero byte");
  }
  if (absl::StrContains(metric, ';')) return absl::OkStatus();  // nodes matter in dotted names only
  if (metric.front() == '.' || metric.back() == '.' || absl::StrContains(metric, "..")) {
    return invalid("it has an empty node");
  }
  return absl::OkStatus();
}

std::string EncodeInfo(const SeriesInfo& info) {
  std::string value;
  AppendLittleEndian(info.file_bytes, kFileBytesSize, &value);
  AppendLittleEndian(info.last_update_unix_seconds, kLastUpdateSize, &value);
  return value;
}

absl::StatusOr<SeriesRecord> ParseRecord(absl::string_view key, absl::string_view value) {
  const absl::string_view series = key.substr(kSeriesPrefix.size());
  const size_t separator = series.find('\0');
  const bool has_separator = separator != absl::string_view::npos;
  SeriesRecord record{.tenant = series.substr(0, has_separator ? separator : 0),
                      .metric = has_separator ? series.substr(separator + 1) : series,
                      .info = {}};
  if (const absl::Status status = ValidateSeries(record.tenant, record.metric); !status.ok()) {
    return absl::DataLossError(
        absl::StrCat("the series index has a malformed record: ", status.message()));
  }
  if (value.empty()) return record;  // of format 1: not known
  if (value.size() != kValueSize) {
    return absl::DataLossError(
        absl::StrCat("the series index has a malformed record: the value of series \"",
                     base::Excerpt(record.metric), "\" of tenant \"", base::Excerpt(record.tenant),
                     "\" has ", value.size(), " bytes; it must have 0 or ", kValueSize));
  }
  record.info.file_bytes = ReadLittleEndian(value.substr(0, kFileBytesSize));
  record.info.last_update_unix_seconds =
      static_cast<uint32_t>(ReadLittleEndian(value.substr(kFileBytesSize)));
  return record;
}

}  // namespace plumbago::index::internal
