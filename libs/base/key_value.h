// A durable, ordered map from bytes to bytes, as the index and the registry need it. kv/ implements
// it over RocksDB; MemoryKeyValue serves tests.
//
// Thread-safe. Errors: DataLoss (damage found), Unavailable (the disk), never NotFound from a scan.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"

namespace plumbago::base {

struct KeyValueChange {
  std::string key;
  std::string value;
  bool is_removal = false;  // value is ignored
};

enum class KeyValueSync {
  kPageCache,  // survives the process
  kDisk,       // survives the machine
};

class KeyValue {
 public:
  virtual ~KeyValue() = default;

  // NotFound where the key is absent.
  virtual absl::StatusOr<std::string> Get(absl::string_view key) = 0;

  // All changes or none, in order.
  virtual absl::Status Apply(const std::vector<KeyValueChange>& changes, KeyValueSync sync) = 0;

  // Calls `visit` for each entry whose key starts with `prefix`, in byte order, until it returns
  // false. The views are valid during the call only.
  using Visitor = std::function<bool(absl::string_view key, absl::string_view value)>;
  virtual absl::Status Scan(absl::string_view prefix, const Visitor& visit) = 0;
};

class MemoryKeyValue final : public KeyValue {
 public:
  absl::StatusOr<std::string> Get(absl::string_view key) override;
  absl::Status Apply(const std::vector<KeyValueChange>& changes, KeyValueSync sync) override;
  absl::Status Scan(absl::string_view prefix, const Visitor& visit) override;

 private:
  Mutex mutex_;
  std::map<std::string, std::string> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace plumbago::base
