// What the subcommands of plumbagoctl share: the tenant-controller they call and the output.
//
// A subcommand registers itself on the CLI11 tree and, when chosen, leaves its work in `action`;
// main runs that after parsing. For one thread.
#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "plumbago/v1/tenants.grpc.pb.h"
#include "plumbago/v1/topology.grpc.pb.h"
#include "table.h"

namespace plumbago::ctl {

inline constexpr std::chrono::seconds kCallDeadline{10};

// `status`, which is no success, with `peer` ("store 10.0.0.3:7700") in the messages of the usual
// causes, and `mend` where it cannot be reached.
absl::Status ExplainCallError(const grpc::Status& status, const std::string& peer,
                              const std::string& mend);

class Session {
 public:
  std::string controller = "127.0.0.1:7400";  // host:port
  std::string output = "table";               // or json
  std::function<absl::Status()> action;

  // Calls the tenant-controller. Errors are those of ExplainCallError.
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Call(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                             Response*),
                                const Request& request) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kCallDeadline);
    Response response;
    const grpc::Status status =
        (GetStub(static_cast<Stub*>(nullptr)).*method)(&context, request, &response);
    if (!status.ok()) return CallError(status);
    return response;
  }

  // Prints `message` as JSON, or `table`.
  absl::Status Print(const google::protobuf::Message& message, const Table& table);

  // Prints one JSON object with a field for each part: answers of several stores by shard.
  struct Part {
    std::string name;
    const google::protobuf::Message* message;
  };
  absl::Status PrintParts(const std::vector<Part>& parts);

  // Prints named numbers, as a JSON object or as rows.
  void PrintNumbers(const std::vector<std::pair<std::string, uint64_t>>& numbers);

 private:
  v1::Tenants::Stub& GetStub(v1::Tenants::Stub*);
  v1::Topology::Stub& GetStub(v1::Topology::Stub*);
  absl::Status CallError(const grpc::Status& status) const {
    return ExplainCallError(status, "tenant-controller " + controller,
                            "start it, or name another with --controller");
  }

  std::unique_ptr<v1::Tenants::Stub> tenants_;
  std::unique_ptr<v1::Topology::Stub> topology_;
};

}  // namespace plumbago::ctl
