// The stores that a command of plumbagoctl talks to: those of the controller's topology, or the
// ones that --store names.
//
// For one thread, except that different targets may be called by different threads.
#pragma once

#include <grpcpp/grpcpp.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "plumbago/v1/store_admin.grpc.pb.h"
#include "session.h"
#include "topology/slot_map.h"

namespace plumbago::ctl {

// What every command about series takes.
struct StoreFlags {
  std::string tenant = "default";
  std::vector<std::string> addresses;  // host:port; empty: those of the topology
  std::string shard;                   // empty: all
};
void AddStoreFlags(CLI::App& command, StoreFlags& flags);
// The same without --tenant.
void AddShardFlags(CLI::App& command, StoreFlags& flags);

struct StoreTarget {
  std::string shard;    // its id; the address where --store gave it
  std::string address;  // host:port
  std::unique_ptr<v1::StoreAdmin::Stub> stub;

  // `status` with the name of this store and, for the usual causes, how to mend them.
  absl::Status CallError(const grpc::Status& status) const;

  // One call, of any length where there is no deadline.
  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(grpc::Status (v1::StoreAdmin::Stub::*method)(grpc::ClientContext*,
                                                                             const Request&,
                                                                             Response*),
                                const Request& request) const {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kCallDeadline);
    Response response;
    const grpc::Status status = (stub.get()->*method)(&context, request, &response);
    if (!status.ok()) return CallError(status);
    return response;
  }

  // A call with a stream of answers, each given to `visit`.
  template <typename Request, typename Response>
  absl::Status Read(std::unique_ptr<grpc::ClientReader<Response>> (v1::StoreAdmin::Stub::*method)(
                        grpc::ClientContext*, const Request&),
                    const Request& request, absl::FunctionRef<void(const Response&)> visit) const {
    grpc::ClientContext context;
    const auto reader = (stub.get()->*method)(&context, request);
    Response response;
    while (reader->Read(&response)) visit(response);
    const grpc::Status status = reader->Finish();
    return status.ok() ? absl::OkStatus() : CallError(status);
  }
};

class Stores {
 public:
  // Asks the controller for the topology unless addresses are given. Excluded shards are left out,
  // which is said on standard error. NotFound: --shard names none; FailedPrecondition: there are no
  // shards.
  static absl::StatusOr<Stores> Open(Session& session, const StoreFlags& flags);

  // Ordered as in the topology; at least one.
  const std::vector<StoreTarget>& all() const { return targets_; }

  // Whether some series is held by several stores.
  bool has_replicas() const;

  // The stores that hold the metric, the preferred one first. Where --store or --shard restricts
  // them: those of all(). FailedPrecondition: every shard of its slot is excluded.
  absl::StatusOr<std::vector<const StoreTarget*>> HoldersOf(absl::string_view tenant,
                                                            absl::string_view metric) const;

 private:
  Stores() = default;
  absl::Status ReadTopology(Session& session, const StoreFlags& flags);
  void Add(const std::string& shard, const std::string& address);

  std::vector<StoreTarget> targets_;
  std::shared_ptr<const topology::SlotMap> slot_map_;   // null where --store or --shard is given
  std::vector<std::optional<size_t>> target_of_shard_;  // by index in the slot map
};

}  // namespace plumbago::ctl
