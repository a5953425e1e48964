#include "session.h"

#include <google/protobuf/util/json_util.h>

#include "absl/strings/str_cat.h"
#include "rpc/server.h"

namespace plumbago::ctl {

v1::Tenants::Stub& Session::GetStub(v1::Tenants::Stub*) {
  if (tenants_ == nullptr) tenants_ = v1::Tenants::NewStub(rpc::MakeChannel(controller));
  return *tenants_;
}

v1::Topology::Stub& Session::GetStub(v1::Topology::Stub*) {
  if (topology_ == nullptr) topology_ = v1::Topology::NewStub(rpc::MakeChannel(controller));
  return *topology_;
}

absl::Status Session::CallError(const grpc::Status& status) const {
  const auto code = static_cast<absl::StatusCode>(status.error_code());
  if (code == absl::StatusCode::kUnavailable) {
    return absl::UnavailableError(absl::StrCat("tenant-controller ", controller,
                                               " cannot be reached: ", status.error_message(),
                                               "; start it, or name another with --controller"));
  }
  if (code == absl::StatusCode::kDeadlineExceeded) {
    return absl::DeadlineExceededError(absl::StrCat(
        "tenant-controller ", controller, " gave no answer within ", kCallDeadline.count(), " s"));
  }
  return absl::Status(code, status.error_message());
}

absl::Status Session::Print(const google::protobuf::Message& message, const Table& table) {
  if (output != "json") {
    std::cout << table.Format();
    return absl::OkStatus();
  }
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  if (!status.ok()) {
    return absl::InternalError(
        absl::StrCat("cannot print the answer as JSON: ", std::string(status.message())));
  }
  std::cout << json;
  return absl::OkStatus();
}

}  // namespace plumbago::ctl
