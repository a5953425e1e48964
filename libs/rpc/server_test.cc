// Proves what every service's gRPC server promises, over real connections: health, reflection, and
// an error that names the address.
#include "rpc/server.h"

#include <grpcpp/generic/generic_stub.h>

#include <catch2/catch.hpp>
#include <future>
#include <string>

#include "plumbago/v1/cache.grpc.pb.h"

namespace plumbago::rpc {
namespace {

std::string AddressOf(const Server& server) { return "127.0.0.1:" + std::to_string(server.port()); }

std::string ToString(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  REQUIRE(buffer.Dump(&slices).ok());
  std::string bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

// grpc.health.v1.Health/Check of the whole server: HealthCheckRequest {} in, and the field
// `ServingStatus status = 1` out (1 SERVING, 2 NOT_SERVING).
int HealthOf(const std::string& address) {
  grpc::GenericStub stub(MakeChannel(address));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  const grpc::Slice no_bytes;
  const grpc::ByteBuffer request(&no_bytes, 1);
  grpc::ByteBuffer response;
  std::promise<grpc::Status> done;
  stub.UnaryCall(&context, "/grpc.health.v1.Health/Check", {}, &request, &response,
                 [&](grpc::Status status) { done.set_value(std::move(status)); });
  const grpc::Status status = done.get_future().get();
  INFO(status.error_message());
  REQUIRE(status.ok());
  const std::string bytes = ToString(response);
  REQUIRE(bytes.size() == 2);
  REQUIRE(bytes[0] == 0x08);
  return bytes[1];
}

TEST_CASE("Server answers health checks with what SetServing said last", "[rpc]") {
  auto server = Server::Start({.listen = "127.0.0.1:0"}, {}).value();
  CHECK(HealthOf(AddressOf(*server)) == 2);
  server->SetServing(Server::Serving::kYes);
  CHECK(HealthOf(AddressOf(*server)) == 1);
  server->SetServing(Server::Serving::kNo);
  CHECK(HealthOf(AddressOf(*server)) == 2);
  server->Shutdown(absl::ZeroDuration());
}

TEST_CASE("Server lists its services by reflection", "[rpc]") {
  v1::Cache::Service service;
  auto server = Server::Start({.listen = "127.0.0.1:0"}, {&service}).value();
  // ServerReflectionRequest {list_services = 7: ""}; names are plain text in the answer.
  class Lister final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
   public:
    void OnReadDone(bool is_ok) override { is_read_ = is_ok; }
    void OnDone(const grpc::Status&) override { done.set_value(is_read_); }
    std::promise<bool> done;

   private:
    bool is_read_ = false;
  } lister;
  grpc::GenericStub stub(MakeChannel(AddressOf(*server)));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  stub.PrepareBidiStreamingCall(
      &context, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", {}, &lister);
  const grpc::Slice bytes(std::string("\x3a\x00", 2));
  grpc::ByteBuffer request(&bytes, 1);
  grpc::ByteBuffer response;
  lister.StartRead(&response);
  lister.StartWriteLast(&request, grpc::WriteOptions());
  lister.StartCall();
  REQUIRE(lister.done.get_future().get());
  CHECK(ToString(response).find("plumbago.v1.Cache") != std::string::npos);
  CHECK(ToString(response).find("grpc.health.v1.Health") != std::string::npos);
  server->Shutdown(absl::ZeroDuration());
}

TEST_CASE("Server names the address that is in use", "[rpc]") {
  auto server = Server::Start({.listen = "127.0.0.1:0"}, {}).value();
  const absl::Status status = Server::Start({.listen = AddressOf(*server)}, {}).status();
  CHECK(absl::IsUnavailable(status));
  CHECK(std::string(status.message()).find(AddressOf(*server)) != std::string::npos);
  server->Shutdown(absl::ZeroDuration());
}

}  // namespace
}  // namespace plumbago::rpc
