// A series and where its file is.
//
// The paths are those of carbon and graphite-web, below one directory a tenant:
//   a.b.c                 <tenant>/a/b/c.wsp
//   name;k=v (tagged)     <tenant>/_tagged/b32/60e/<sha256 of the name, hex>.wsp
// Ingestion validates names long before; the checks here are the last line of defence of the disk.
// Pure functions and values, thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace plumbago::store {

// Tenant and metric with their hash. Equal only where both texts are equal.
class SeriesName {
 public:
  SeriesName(absl::string_view tenant, absl::string_view metric);

  absl::string_view tenant() const { return absl::string_view(key_).substr(0, tenant_bytes_); }
  absl::string_view metric() const { return absl::string_view(key_).substr(tenant_bytes_ + 1); }
  // Tenant, a zero byte, metric.
  const std::string& key() const { return key_; }
  uint64_t hash() const { return hash_; }

 private:
  std::string key_;
  size_t tenant_bytes_;
  uint64_t hash_;  // of key_; its lowest 12 bits are the slot
};

// Keeps a path below the 4096 bytes of Linux.
constexpr size_t kMetricBytesMax = 2048;
constexpr size_t kTenantBytesMax = 128;
// A node is a file name of at most 255 bytes, with room for ".wsp.damaged1".
constexpr size_t kNodeBytesMax = 242;

// The path of the file below the whisper directory. InvalidArgument for a name that would leave the
// tenant's directory or meet another name's file: an empty node, "/", a control byte, a first node
// "_tagged", more than the bounds above; a tenant of other than letters, digits, '-', '_' and '.'.
absl::StatusOr<std::string> SeriesPath(const SeriesName& name);

// The metric whose file is at `path` below its tenant's directory, for files of other tools.
// InvalidArgument where no metric has this path; the name in a tagged file's path is a hash, which
// cannot be turned back.
absl::StatusOr<std::string> MetricOfPath(absl::string_view path);

// Whether a directory of this name can hold a tenant's series.
absl::Status CheckTenant(absl::string_view tenant);

}  // namespace plumbago::store
