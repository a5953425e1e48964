// How an admin call is answered and logged.
#pragma once

#include <grpcpp/grpcpp.h>

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/log.h"
#include "base/status.h"
#include "rpc/server.h"

namespace plumbago::tenant_controller {

// Moves the result of a change into `response`, or gives its error. `what` and `id` say what was
// asked, for the log: "create tenant", "acme".
template <typename Result>
grpc::Status AnswerChange(const grpc::ServerContext& context, absl::string_view what,
                          absl::string_view id, absl::StatusOr<Result> result, Result* response) {
  const std::string line =
      absl::StrCat(what, " id=", base::Excerpt(id), " peer=", base::Excerpt(context.peer()));
  if (!result.ok()) {
    base::LogInfo(absl::StrCat(line, " refused: ", result.status().message()));
    return rpc::ToGrpc(result.status());
  }
  base::LogInfo(line);
  *response = std::move(*result);
  return grpc::Status::OK;
}

}  // namespace plumbago::tenant_controller
