#include "session.h"

#include <google/protobuf/util/json_util.h>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "rpc/server.h"

namespace plumbago::ctl {
namespace {

absl::StatusOr<std::string> ToJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  if (status.ok()) return json;
  return absl::InternalError(
      absl::StrCat("cannot print the answer as JSON: ", std::string(status.message())));
}

}  // namespace

v1::Tenants::Stub& Session::GetStub(v1::Tenants::Stub*) {
  if (tenants_ == nullptr) tenants_ = v1::Tenants::NewStub(rpc::MakeChannel(controller));
  return *tenants_;
}

v1::Topology::Stub& Session::GetStub(v1::Topology::Stub*) {
  if (topology_ == nullptr) topology_ = v1::Topology::NewStub(rpc::MakeChannel(controller));
  return *topology_;
}

absl::Status ExplainCallError(const grpc::Status& status, const std::string& peer,
                              const std::string& mend) {
  const auto code = static_cast<absl::StatusCode>(status.error_code());
  switch (code) {
    case absl::StatusCode::kUnavailable:
      return absl::UnavailableError(
          absl::StrCat(peer, " cannot be reached: ", status.error_message(), "; ", mend));
    case absl::StatusCode::kDeadlineExceeded:
      return absl::DeadlineExceededError(
          absl::StrCat(peer, " gave no answer within ", kCallDeadline.count(), " s"));
    case absl::StatusCode::kUnimplemented:
      return absl::UnimplementedError(absl::StrCat(
          peer, " does not know this call: another service listens there, or an older release"));
    default:
      return absl::Status(code, status.error_message().empty()
                                    ? absl::StrCat(peer, " refused without saying why (code ",
                                                   status.error_code(), ")")
                                    : status.error_message());
  }
}

absl::Status Session::Print(const google::protobuf::Message& message, const Table& table) {
  if (output != "json") {
    std::cout << table.Format();
    return absl::OkStatus();
  }
  PLUMBAGO_ASSIGN_OR_RETURN(const std::string json, ToJson(message));
  std::cout << json;
  return absl::OkStatus();
}

absl::Status Session::PrintParts(const std::vector<Part>& parts) {
  auto all = nlohmann::ordered_json::object();
  for (const Part& part : parts) {
    PLUMBAGO_ASSIGN_OR_RETURN(const std::string json, ToJson(*part.message));
    all[part.name] = nlohmann::ordered_json::parse(json, nullptr, /*allow_exceptions=*/false);
  }
  const auto replace = nlohmann::ordered_json::error_handler_t::replace;
  std::cout << all.dump(1, ' ', /*ensure_ascii=*/false, replace) << "\n";
  return absl::OkStatus();
}

void Session::PrintNumbers(const std::vector<std::pair<std::string, uint64_t>>& numbers) {
  auto all = nlohmann::ordered_json::object();
  Table table({"WHAT", "COUNT"});
  for (const auto& [name, number] : numbers) {
    all[name] = number;
    table.Add({name, absl::StrCat(number)});
  }
  std::cout << (output == "json" ? all.dump(1) + "\n" : table.Format());
}

}  // namespace plumbago::ctl
