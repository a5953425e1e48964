#include "tenancy/topology_rules.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "topology/assignment.h"
#include "topology/slot_map.h"

namespace plumbago::tenancy {
namespace {

constexpr size_t kShardIdBytesMax = 63;
constexpr size_t kZoneBytesMax = 63;
constexpr size_t kAddressBytesMax = 255;

bool IsAlphanumeric(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)); }

absl::Status ValidateShardId(const std::string& id) {
  const bool is_valid =
      !id.empty() && id.size() <= kShardIdBytesMax && std::all_of(id.begin(), id.end(), [](char c) {
        return (IsAlphanumeric(c) && !absl::ascii_isupper(static_cast<unsigned char>(c))) ||
               c == '-';
      });
  if (is_valid) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("shard id \"", base::Excerpt(id),
                                                 "\" is not allowed; use 1 to ", kShardIdBytesMax,
                                                 " of a-z, 0-9 and -"));
}

// host:port, where the host is a name, an IPv4 address or an IPv6 address in brackets.
bool IsAddress(absl::string_view text) {
  const size_t colon = text.rfind(':');
  if (text.size() > kAddressBytesMax || colon == absl::string_view::npos || colon == 0) {
    return false;
  }
  uint32_t port = 0;
  const absl::string_view digits = text.substr(colon + 1);
  if (!std::all_of(digits.begin(), digits.end(), absl::ascii_isdigit) ||
      !absl::SimpleAtoi(digits, &port) || port == 0 || port > 65535) {
    return false;
  }
  absl::string_view host = text.substr(0, colon);
  const bool is_bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (is_bracketed) host = host.substr(1, host.size() - 2);
  return std::all_of(host.begin(), host.end(), [&](char c) {
    return IsAlphanumeric(c) || c == '.' || c == '-' || c == '_' || (is_bracketed && c == ':');
  });
}

absl::Status ValidateAddress(const v1::Shard& shard, absl::string_view field,
                             const std::string& address) {
  if (IsAddress(address)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("shard \"", shard.id(), "\" has ", field, " \"",
                                                 base::Excerpt(address),
                                                 "\"; use host:port, as in 10.0.0.5:7600"));
}

v1::Shard* FindShard(v1::TopologySnapshot& topology, const std::string& id) {
  for (v1::Shard& shard : *topology.mutable_shard()) {
    if (shard.id() == id) return &shard;
  }
  return nullptr;
}

absl::Status NoSuchShard(const std::string& id) {
  return absl::NotFoundError(absl::StrCat("there is no shard \"", base::Excerpt(id), "\""));
}

// One range per slot, in order, so that single slots can be replaced.
std::vector<v1::SlotRange> Explode(const v1::TopologySnapshot& topology) {
  std::vector<v1::SlotRange> slots;
  slots.reserve(topology::kSlotCount);
  for (const v1::SlotRange& range : topology.slots()) {
    for (uint32_t slot = range.first(); slot <= range.last(); ++slot) {
      slots.push_back(range);
      slots.back().set_first(slot);
      slots.back().set_last(slot);
    }
  }
  return slots;
}

void Implode(const std::vector<v1::SlotRange>& slots, v1::TopologySnapshot& topology) {
  topology.clear_slots();
  for (const v1::SlotRange& slot : slots) {
    if (topology.slots_size() > 0) {
      v1::SlotRange& last = *topology.mutable_slots(topology.slots_size() - 1);
      const bool is_same = std::equal(last.shard().begin(), last.shard().end(),
                                      slot.shard().begin(), slot.shard().end());
      if (is_same) {
        last.set_last(slot.last());
        continue;
      }
    }
    *topology.add_slots() = slot;
  }
}

absl::StatusOr<v1::TopologySnapshot> AssignExplicitly(v1::TopologySnapshot topology,
                                                      const v1::AssignSlotsRequest& request) {
  std::vector<v1::SlotRange> slots = Explode(topology);
  std::vector<bool> is_given(slots.size(), false);
  for (const v1::SlotRange& range : request.slots()) {
    if (range.first() > range.last() || range.last() >= topology::kSlotCount) {
      return absl::InvalidArgumentError(
          absl::StrCat("slots ", range.first(), "..", range.last(),
                       " is not a range; use 0 <= first <= last <= ", topology::kSlotCount - 1));
    }
    if (!range.target().empty()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "slots ", range.first(), "..", range.last(), " have target \"",
          base::Excerpt(range.target()),
          "\"; this release gives slots to shards at once and leaves the stored series behind"));
    }
    for (uint32_t slot = range.first(); slot <= range.last(); ++slot) {
      if (is_given[slot]) {
        return absl::InvalidArgumentError(absl::StrCat("slot ", slot, " is given twice"));
      }
      is_given[slot] = true;
      *slots[slot].mutable_shard() = range.shard();
    }
  }
  Implode(slots, topology);
  if (absl::Status status = topology::SlotMap::FromProto(topology).status(); !status.ok()) {
    return status;
  }
  return topology;
}

absl::Status CheckField(const v1::Shard& shard, absl::string_view field, const std::string& wanted,
                        const std::string& found) {
  if (wanted == found) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "shard \"", shard.id(), "\" has ", field, " \"", found, "\" in the registry, not \"",
      base::Excerpt(wanted), "\"; change it with plumbagoctl shard update, or correct the flag"));
}

}  // namespace

absl::Status ValidateShard(const v1::Shard& shard) {
  PLUMBAGO_RETURN_IF_ERROR(ValidateShardId(shard.id()));
  const auto is_control = [](char c) { return absl::ascii_iscntrl(static_cast<unsigned char>(c)); };
  if (shard.zone().size() > kZoneBytesMax ||
      std::any_of(shard.zone().begin(), shard.zone().end(), is_control)) {
    return absl::InvalidArgumentError(
        absl::StrCat("shard \"", shard.id(), "\" has zone \"", base::Excerpt(shard.zone()),
                     "\"; use at most ", kZoneBytesMax, " bytes without control characters"));
  }
  PLUMBAGO_RETURN_IF_ERROR(ValidateAddress(shard, "cache_address", shard.cache_address()));
  PLUMBAGO_RETURN_IF_ERROR(ValidateAddress(shard, "store_address", shard.store_address()));
  if (shard.state() != v1::Shard::ACTIVE && shard.state() != v1::Shard::EXCLUDED) {
    return absl::InvalidArgumentError(absl::StrCat("shard \"", shard.id(), "\" has unknown state ",
                                                   static_cast<int>(shard.state()),
                                                   "; use active or excluded"));
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::TopologySnapshot> FirstTopology(absl::Span<const v1::Shard> shards,
                                                   uint32_t replication_factor) {
  v1::TopologySnapshot topology;
  for (v1::Shard shard : shards) {
    if (shard.state() == v1::Shard::STATE_UNSPECIFIED) shard.set_state(v1::Shard::ACTIVE);
    PLUMBAGO_RETURN_IF_ERROR(ValidateShard(shard));
    if (FindShard(topology, shard.id()) != nullptr) {
      return absl::AlreadyExistsError(absl::StrCat("shard \"", shard.id(), "\" is given twice"));
    }
    *topology.add_shard() = shard;
  }
  return topology::SpreadSlots(topology, replication_factor);
}

absl::StatusOr<v1::TopologySnapshot> AddShard(v1::TopologySnapshot topology, v1::Shard shard) {
  if (topology.shard().empty()) return FirstTopology({shard}, 1);
  if (shard.state() == v1::Shard::STATE_UNSPECIFIED) shard.set_state(v1::Shard::ACTIVE);
  PLUMBAGO_RETURN_IF_ERROR(ValidateShard(shard));
  if (FindShard(topology, shard.id()) != nullptr) {
    return absl::AlreadyExistsError(absl::StrCat("shard \"", shard.id(), "\" exists"));
  }
  if (static_cast<size_t>(topology.shard_size()) >= topology::kShardsMax) {
    return absl::ResourceExhaustedError(
        absl::StrCat("there are ", topology.shard_size(), " shards, which is the limit"));
  }
  *topology.add_shard() = std::move(shard);
  return topology;
}

absl::StatusOr<v1::TopologySnapshot> UpdateShard(v1::TopologySnapshot topology,
                                                 const v1::Shard& change) {
  v1::Shard* shard = FindShard(topology, change.id());
  if (shard == nullptr) return NoSuchShard(change.id());
  shard->MergeFrom(change);  // fields of proto3 that are empty do not replace
  PLUMBAGO_RETURN_IF_ERROR(ValidateShard(*shard));
  return topology;
}

absl::StatusOr<v1::TopologySnapshot> RemoveShard(v1::TopologySnapshot topology,
                                                 const std::string& id) {
  v1::Shard* shard = FindShard(topology, id);
  if (shard == nullptr) return NoSuchShard(id);
  uint32_t slot_count = 0;
  for (const v1::SlotRange& range : topology.slots()) {
    const auto& holders = range.shard();
    if (std::find(holders.begin(), holders.end(), id) == holders.end()) continue;
    slot_count += range.last() - range.first() + 1;
  }
  if (slot_count > 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        "shard \"", id, "\" still has ", slot_count,
        " slots; give them to others first (exclude the shard, then assign the slots)"));
  }
  topology.mutable_shard()->erase(
      std::find_if(topology.shard().begin(), topology.shard().end(),
                   [&](const v1::Shard& candidate) { return candidate.id() == id; }));
  return topology;
}

absl::StatusOr<v1::TopologySnapshot> AssignSlots(const v1::TopologySnapshot& topology,
                                                 const v1::AssignSlotsRequest& request) {
  if (topology.shard().empty()) {
    return absl::FailedPreconditionError("there is no shard yet; add one first");
  }
  if (!request.slots().empty()) return AssignExplicitly(topology, request);
  return topology::SpreadSlots(topology, std::max(request.replication_factor(), 1u));
}

absl::Status CheckShardsMatch(const v1::TopologySnapshot& topology,
                              absl::Span<const v1::Shard> shards) {
  for (const v1::Shard& wanted : shards) {
    const auto found = std::find_if(topology.shard().begin(), topology.shard().end(),
                                    [&](const v1::Shard& s) { return s.id() == wanted.id(); });
    if (found == topology.shard().end()) {
      return absl::FailedPreconditionError(
          absl::StrCat("shard \"", base::Excerpt(wanted.id()),
                       "\" is not in the registry; add it with plumbagoctl, or remove the flag"));
    }
    PLUMBAGO_RETURN_IF_ERROR(CheckField(wanted, "zone", wanted.zone(), found->zone()));
    PLUMBAGO_RETURN_IF_ERROR(
        CheckField(wanted, "cache address", wanted.cache_address(), found->cache_address()));
    PLUMBAGO_RETURN_IF_ERROR(
        CheckField(wanted, "store address", wanted.store_address(), found->store_address()));
  }
  return absl::OkStatus();
}

}  // namespace plumbago::tenancy
