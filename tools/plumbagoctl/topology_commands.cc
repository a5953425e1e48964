// plumbagoctl shard ... and plumbagoctl topology ...
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "commands.h"
#include "topology_view.h"

namespace plumbago::ctl {
namespace {

using Stub = v1::Topology::Stub;

struct ShardArguments {
  std::string id;
  std::string zone;
  std::string cache;
  std::string store;
  std::string state;

  v1::Shard ToProto() const {
    v1::Shard result;
    result.set_id(id);
    result.set_zone(zone);
    result.set_cache_address(cache);
    result.set_store_address(store);
    v1::Shard::State parsed = v1::Shard::STATE_UNSPECIFIED;  // left as it is
    v1::Shard::State_Parse(absl::AsciiStrToUpper(state), &parsed);
    result.set_state(parsed);
    return result;
  }
};

struct AssignArguments {
  std::vector<std::string> slots;
  std::optional<uint32_t> replication_factor;
};

absl::Status PrintShards(Session& session, const absl::StatusOr<v1::TopologySnapshot>& topology) {
  if (!topology.ok()) return topology.status();
  return session.Print(*topology, ShardTable(*topology));
}

absl::Status Show(Session& session) {
  return PrintShards(session, session.Call(&Stub::GetTopology, v1::GetTopologyRequest()));
}

absl::Status ShowTopology(Session& session) {
  PLUMBAGO_ASSIGN_OR_RETURN(const auto topology,
                            session.Call(&Stub::GetTopology, v1::GetTopologyRequest()));
  if (session.output != "json") {
    std::cout << "epoch " << topology.epoch() << ", " << topology.shard_size() << " shards\n\n"
              << ShardTable(topology).Format() << "\n";
  }
  return session.Print(topology, SlotTable(topology));
}

absl::Status Add(Session& session, const ShardArguments& arguments) {
  v1::AddShardRequest request;
  *request.mutable_shard() = arguments.ToProto();
  return PrintShards(session, session.Call(&Stub::AddShard, request));
}

absl::Status Update(Session& session, const ShardArguments& arguments) {
  v1::UpdateShardRequest request;
  *request.mutable_shard() = arguments.ToProto();
  return PrintShards(session, session.Call(&Stub::UpdateShard, request));
}

absl::Status Remove(Session& session, const ShardArguments& arguments) {
  v1::RemoveShardRequest request;
  request.set_id(arguments.id);
  return PrintShards(session, session.Call(&Stub::RemoveShard, request));
}

absl::Status Assign(Session& session, const AssignArguments& arguments) {
  v1::AssignSlotsRequest request;
  for (const std::string& text : arguments.slots) {
    PLUMBAGO_ASSIGN_OR_RETURN(*request.add_slots(), ParseSlotRange(text));
  }
  if (arguments.replication_factor) {
    request.set_replication_factor(*arguments.replication_factor);
  } else if (arguments.slots.empty()) {
    PLUMBAGO_ASSIGN_OR_RETURN(const auto present,
                              session.Call(&Stub::GetTopology, v1::GetTopologyRequest()));
    request.set_replication_factor(ReplicationFactorOf(present));
  }
  return PrintShards(session, session.Call(&Stub::AssignSlots, request));
}

void AddShardFlags(CLI::App& command, ShardArguments& arguments) {
  command.add_option("--zone", arguments.zone,
                     "Where it runs; replicas of a slot go to different zones");
  command.add_option("--state", arguments.state, "excluded: neither written nor asked")
      ->check(CLI::IsMember({"active", "excluded"}));
}

}  // namespace

void AddShardCommands(CLI::App& app, Session& session) {
  auto arguments = std::make_shared<ShardArguments>();  // shared by the options and the actions
  const auto run_later = [&session,
                          arguments](absl::Status (*run)(Session&, const ShardArguments&)) {
    return [&session, arguments, run] {
      session.action = [&session, arguments, run] { return run(session, *arguments); };
    };
  };
  CLI::App& shard = *app.add_subcommand("shard", "List, add, change and remove shards");
  shard.require_subcommand(1);
  shard.footer(
      "Examples:\n"
      "  plumbagoctl shard add c --zone z2 --cache 10.0.0.3:7600 --store 10.0.0.3:7700\n"
      "  plumbagoctl shard update c --state excluded\n"
      "  plumbagoctl shard remove c\n"
      "A new shard has no slots until `plumbagoctl topology assign`.");
  shard.add_subcommand("list", "Show all shards")->callback([&session] {
    session.action = [&session] { return Show(session); };
  });

  CLI::App& add = *shard.add_subcommand("add", "Add a shard; the very first one gets all slots");
  add.add_option("id", arguments->id, "Shard id: 1 to 63 of a-z, 0-9 and -")->required();
  add.add_option("--cache", arguments->cache, "host:port of its cache's gRPC")->required();
  add.add_option("--store", arguments->store, "host:port of its store's gRPC")->required();
  AddShardFlags(add, *arguments);
  add.callback(run_later(Add));

  CLI::App& update = *shard.add_subcommand("update", "Change a shard; what is not given stays");
  update.add_option("id", arguments->id, "Shard id")->required();
  update.add_option("--cache", arguments->cache, "host:port of its cache's gRPC");
  update.add_option("--store", arguments->store, "host:port of its store's gRPC");
  AddShardFlags(update, *arguments);
  update.callback(run_later(Update));

  CLI::App& remove = *shard.add_subcommand("remove", "Remove a shard that has no slots");
  remove.add_option("id", arguments->id, "Shard id")->required();
  remove.callback(run_later(Remove));
}

void AddTopologyCommands(CLI::App& app, Session& session) {
  CLI::App& topology = *app.add_subcommand("topology", "Show and change who holds which slots");
  topology.require_subcommand(1);
  topology.footer(
      "Examples:\n"
      "  plumbagoctl topology show\n"
      "  plumbagoctl topology assign\n"
      "  plumbagoctl topology assign --replication-factor 2\n"
      "  plumbagoctl topology assign --slots 0-2047=a,b --slots 2048-4095=b,a\n"
      "Slots change hands at once; series that are stored already stay where they are.");
  topology.add_subcommand("show", "Show epoch, shards and slots")->callback([&session] {
    session.action = [&session] { return ShowTopology(session); };
  });

  auto arguments = std::make_shared<AssignArguments>();  // shared by the options and the action
  CLI::App& assign = *topology.add_subcommand(
      "assign", "Spread all slots over the active shards, or give some to certain shards");
  assign
      .add_option("--slots", arguments->slots,
                  "FIRST-LAST=SHARD[,SHARD...], the preferred shard first; repeatable; the other "
                  "slots stay")
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  assign.add_option("--replication-factor", arguments->replication_factor,
                    "Shards that hold each slot, for the spread; not given: as now");
  assign.callback([&session, arguments] {
    session.action = [&session, arguments] { return Assign(session, *arguments); };
  });
}

}  // namespace plumbago::ctl
