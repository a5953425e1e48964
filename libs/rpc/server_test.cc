// Proves what every service's gRPC server promises, over real connections: health, reflection, and
// an error that names the address.
#include "rpc/server.h"

#include <arpa/inet.h>
#include <grpcpp/generic/generic_stub.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
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
grpc::Status CheckHealth(const std::string& address, std::chrono::milliseconds timeout,
                         grpc::ByteBuffer* response) {
  grpc::GenericStub stub(MakeChannel(address));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + timeout);
  const grpc::Slice no_bytes;
  const grpc::ByteBuffer request(&no_bytes, 1);
  std::promise<grpc::Status> done;
  stub.UnaryCall(&context, "/grpc.health.v1.Health/Check", {}, &request, response,
                 [&](grpc::Status status) { done.set_value(std::move(status)); });
  return done.get_future().get();
}

int HealthOf(const std::string& address) {
  grpc::ByteBuffer response;
  const grpc::Status status = CheckHealth(address, std::chrono::seconds(10), &response);
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

TEST_CASE("A call waits for a server that is slow to take its connection", "[rpc]") {
  // The kernel connects, and nobody answers: as a busy server, but for longer.
  const int listening = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  REQUIRE(bind(listening, reinterpret_cast<sockaddr*>(&address), size) == 0);
  REQUIRE(listen(listening, 1) == 0);
  REQUIRE(getsockname(listening, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  grpc::ByteBuffer response;
  const grpc::Status status = CheckHealth("127.0.0.1:" + std::to_string(ntohs(address.sin_port)),
                                          std::chrono::milliseconds(500), &response);
  CHECK(status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED);
  close(listening);
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
