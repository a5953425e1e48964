#include "shard_flag.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "tenancy/topology_rules.h"

namespace plumbago::tenant_controller {
namespace {

std::string* FieldOf(v1::Shard& shard, absl::string_view name) {
  if (name == "id") return shard.mutable_id();
  if (name == "zone") return shard.mutable_zone();
  if (name == "cache") return shard.mutable_cache_address();
  if (name == "store") return shard.mutable_store_address();
  return nullptr;
}

}  // namespace

absl::StatusOr<v1::Shard> ParseShardFlag(absl::string_view text) {
  const auto invalid = [&](absl::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("--shard \"", base::Excerpt(text), "\": ", why,
                     "; use id=NAME,cache=HOST:PORT,store=HOST:PORT and, if you like, zone=NAME"));
  };
  v1::Shard shard;
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    const std::pair<absl::string_view, absl::string_view> field =
        absl::StrSplit(part, absl::MaxSplits('=', 1));
    std::string* value = FieldOf(shard, field.first);
    if (value == nullptr) {
      return invalid(absl::StrCat("\"", base::Excerpt(field.first), "\" is not a field"));
    }
    if (!value->empty()) return invalid(absl::StrCat(field.first, " is given twice"));
    *value = std::string(field.second);
  }
  shard.set_state(v1::Shard::ACTIVE);
  const absl::Status valid = tenancy::ValidateShard(shard);
  if (!valid.ok()) return invalid(valid.message());
  return shard;
}

}  // namespace plumbago::tenant_controller
