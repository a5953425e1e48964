#include "store/series_name.h"

#include <openssl/sha.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/hash.h"
#include "base/status.h"

namespace plumbago::store {
namespace {

constexpr absl::string_view kTaggedDirectory = "_tagged";
constexpr absl::string_view kExtension = ".wsp";

absl::Status Invalid(absl::string_view metric, absl::string_view problem) {
  return absl::InvalidArgumentError(
      absl::StrCat("metric \"", base::Excerpt(metric), "\" ", problem));
}

bool IsControlByte(char byte) { return static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f; }

absl::Status CheckBytes(absl::string_view metric) {
  if (metric.empty()) return Invalid(metric, "is empty");
  if (metric.size() > kMetricBytesMax) {
    return Invalid(metric, absl::StrCat("has ", metric.size(), " bytes; at most ", kMetricBytesMax,
                                        " are possible"));
  }
  if (std::any_of(metric.begin(), metric.end(), IsControlByte)) {
    return Invalid(metric, "has a control byte");
  }
  return absl::OkStatus();
}

absl::Status CheckNodes(absl::string_view metric) {
  if (absl::StrContains(metric, '/')) return Invalid(metric, "has a '/'");
  size_t index = 0;
  for (const absl::string_view node : absl::StrSplit(metric, '.')) {
    if (node.empty()) {
      return Invalid(metric, absl::StrCat("has nothing between two dots, in node ", index));
    }
    if (node.size() > kNodeBytesMax) {
      return Invalid(metric, absl::StrCat("has ", node.size(), " bytes in node ", index,
                                          "; at most ", kNodeBytesMax, " are possible"));
    }
    if (index == 0 && node == kTaggedDirectory) {
      return Invalid(metric, "begins with _tagged, where the files of tagged series are");
    }
    ++index;
  }
  return absl::OkStatus();
}

std::string TaggedPath(absl::string_view metric) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(metric.data()), metric.size(), digest);
  const std::string hex = absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(digest), sizeof(digest)));
  return absl::StrCat(kTaggedDirectory, "/", hex.substr(0, 3), "/", hex.substr(3, 3), "/", hex);
}

}  // namespace

SeriesName::SeriesName(absl::string_view tenant, absl::string_view metric)
    : key_(absl::StrCat(tenant, absl::string_view("\0", 1), metric)),
      tenant_bytes_(tenant.size()),
      hash_(base::Hash64(key_)) {}

absl::StatusOr<std::string> SeriesPath(const SeriesName& name) {
  PLUMBAGO_RETURN_IF_ERROR(CheckTenant(name.tenant()));
  PLUMBAGO_RETURN_IF_ERROR(CheckBytes(name.metric()));
  if (absl::StrContains(name.metric(), ';')) {
    return absl::StrCat(name.tenant(), "/", TaggedPath(name.metric()), kExtension);
  }
  PLUMBAGO_RETURN_IF_ERROR(CheckNodes(name.metric()));
  return absl::StrCat(name.tenant(), "/", absl::StrReplaceAll(name.metric(), {{".", "/"}}),
                      kExtension);
}

absl::StatusOr<std::string> MetricOfPath(absl::string_view path) {
  if (!absl::EndsWith(path, kExtension)) return Invalid(path, "is no whisper file");
  path.remove_suffix(kExtension.size());
  if (absl::StrContains(path, '.')) return Invalid(path, "has a dot inside a node");
  if (absl::StrContains(path, ';')) return Invalid(path, "is a tagged name outside _tagged");
  std::string metric = absl::StrReplaceAll(path, {{"/", "."}});
  PLUMBAGO_RETURN_IF_ERROR(CheckBytes(metric));
  PLUMBAGO_RETURN_IF_ERROR(CheckNodes(metric));
  return metric;
}

absl::Status CheckTenant(absl::string_view tenant) {
  const bool is_valid =
      !tenant.empty() && tenant.size() <= kTenantBytesMax && tenant.front() != '.' &&
      std::all_of(tenant.begin(), tenant.end(), [](unsigned char byte) {
        return absl::ascii_isalnum(byte) || byte == '-' || byte == '_' || byte == '.';
      });
  if (is_valid) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("tenant \"", base::Excerpt(tenant), "\" must be 1 to ", kTenantBytesMax,
                   " letters, digits, '-', '_' and '.', and not begin with a dot"));
}

}  // namespace plumbago::store
