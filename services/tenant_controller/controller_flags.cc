#include "controller_flags.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "http/address.h"
#include "shard_flag.h"
#include "topology/slot_map.h"

namespace plumbago::tenant_controller {

void AddFlags(service::CommandLine& line, ControllerFlags& flags) {
  service::AddCommonFlags(line, flags.common);
  line.AddSwitch("--allow-unauthenticated", flags.allow_unauthenticated,
                 "Accept a --listen address beyond loopback although admin calls are not "
                 "authenticated: whoever reaches it can change everything");
  line.Add("--shard", flags.shards,
           "A shard of the first start, repeatable: id=a,zone=z1,cache=HOST:PORT,store=HOST:PORT. "
           "Once the registry has shards these must be among them; change them with plumbagoctl")
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  line.Add("--replication-factor", flags.replication_factor,
           "Shards that hold each slot of the first start; more survive more failures and cost "
           "as much more disk and writes")
      ->check(CLI::Range(size_t{1}, topology::kReplicasMax));
  line.Add("--events-max", flags.events.tenant_events_max,
           "Events of /events that a tenant may have; the earliest give way to later ones "
           "(plumbago_events_removed_total)")
      ->check(CLI::Range(1, 1'000'000));
  line.AddBytes("--events-bytes-max", flags.events.tenant_bytes_max,
                "Size of a tenant's events; the earliest give way to later ones")
      ->check(CLI::Range(16 << 20, 1 << 30));
  line.AddBytes("--event-bytes-max", flags.events.event_bytes_max,
                "Size of one event with its data and tags; larger ones are refused")
      ->check(CLI::Range(1 << 10, 1 << 20));
  line.AddDuration(
      "--event-retention", flags.event_retention,
      "How long events are kept, counted from their time; 0s: as long as there is room");
}

tenancy::EventLimits EventLimitsOf(const ControllerFlags& flags) {
  tenancy::EventLimits limits = flags.events;
  if (flags.event_retention > absl::ZeroDuration()) limits.retention = flags.event_retention;
  return limits;
}

absl::Status ValidateListen(const ControllerFlags& flags) {
  PLUMBAGO_ASSIGN_OR_RETURN(const http::Address address,
                            http::ParseAddress(flags.common.grpc_listen));
  if (flags.allow_unauthenticated || http::IsLoopback(address)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "--listen ", flags.common.grpc_listen,
      " is beyond loopback and admin calls are not authenticated; listen on 127.0.0.1, or give "
      "--allow-unauthenticated where the network keeps others out"));
}

absl::StatusOr<std::vector<v1::Shard>> ReadShards(const ControllerFlags& flags) {
  std::vector<v1::Shard> shards;
  for (const std::string& text : flags.shards) {
    PLUMBAGO_ASSIGN_OR_RETURN(v1::Shard shard, ParseShardFlag(text));
    shards.push_back(std::move(shard));
  }
  return shards;
}

}  // namespace plumbago::tenant_controller
