// Proves, against a real gRPC server on loopback that breaks streams on purpose, that every item
// arrives in order and is reported done once, whatever happens to the connection.
#include "rpc/resending_stream.h"

#include <catch2/catch.hpp>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "plumbago/v1/ingest.grpc.pb.h"
#include "rpc/server.h"

namespace plumbago::rpc {
namespace {

struct Item {
  int number = 0;
  int generation = 0;
};

// Acknowledges batches, but ends each stream after `batches_per_stream` of them, the last one
// without an acknowledgement.
class BreakingServer final : public v1::Ingest::Service {
 public:
  explicit BreakingServer(int batches_per_stream) : batches_per_stream_(batches_per_stream) {}

  grpc::Status Stream(
      grpc::ServerContext*,
      grpc::ServerReaderWriter<v1::IngestResponse, v1::IngestRequest>* stream) override {
    v1::IngestRequest request;
    uint64_t sequence = 0;
    while (stream->Read(&request)) {
      if (request.has_hello()) continue;
      base::MutexLock lock(mutex_);
      in_order_ = in_order_ && request.batch().sequence() == ++sequence;
      received_.push_back(static_cast<int>(request.batch().epoch()));
      received_changed_.NotifyAll();
      if (is_silent_) continue;
      if (static_cast<int>(sequence) == batches_per_stream_) {
        return grpc::Status(grpc::StatusCode::UNAVAILABLE, "broken on purpose");
      }
      v1::IngestResponse response;
      response.set_acknowledged_sequence(sequence);
      if (!stream->Write(response)) break;
    }
    return grpc::Status::OK;
  }

  std::vector<int> received() {
    base::MutexLock lock(mutex_);
    return received_;
  }
  // While silent it takes batches and acknowledges none.
  void SetSilent(bool is_silent) {
    base::MutexLock lock(mutex_);
    is_silent_ = is_silent;
  }
  void WaitForReceived(size_t count) {
    base::MutexLock lock(mutex_);
    while (received_.size() < count) received_changed_.Wait(lock);
  }
  bool in_order() {
    base::MutexLock lock(mutex_);
    return in_order_;
  }

 private:
  const int batches_per_stream_;
  base::Mutex mutex_;
  std::vector<int> received_ ABSL_GUARDED_BY(mutex_);
  bool in_order_ ABSL_GUARDED_BY(mutex_) = true;
  base::CondVar received_changed_;
  bool is_silent_ ABSL_GUARDED_BY(mutex_) = false;
};

class NumberStream final : public ResendingStream<Item, v1::IngestRequest, v1::IngestResponse> {
 public:
  enum class Hello { kNo, kYes };
  explicit NumberStream(int port, Hello hello = Hello::kYes)
      : ResendingStream("test server"),
        hello_(hello),
        stub_(v1::Ingest::NewStub(MakeChannel("127.0.0.1:" + std::to_string(port)))) {}
  ~NumberStream() override { Stop(); }

  std::vector<int> WaitForDone(size_t count) {
    base::MutexLock lock(done_mutex_);
    while (done_.size() < count) done_changed_.Wait(lock);
    return done_;
  }
  int connection_count() {
    base::MutexLock lock(done_mutex_);
    return connection_count_;
  }

 private:
  void Open(grpc::ClientContext* context, Reactor* reactor) override {
    stub_->async()->Stream(context, reactor);
  }
  bool Begin(const Item& first, v1::IngestRequest* hello) override {
    generation_ = first.generation;
    hello->mutable_hello()->set_relay("test");
    base::MutexLock lock(done_mutex_);
    ++connection_count_;
    return hello_ == Hello::kYes;
  }
  bool Fits(const Item& item) override { return item.generation == generation_; }
  void Encode(const Item& item, uint64_t sequence, v1::IngestRequest* request) override {
    request->mutable_batch()->set_sequence(sequence);
    request->mutable_batch()->set_epoch(static_cast<uint64_t>(item.number));
  }
  uint64_t AcknowledgedSequence(const v1::IngestResponse& response) override {
    return response.acknowledged_sequence();
  }
  void OnResponse(const v1::IngestResponse&, Items done) override {
    base::MutexLock lock(done_mutex_);
    for (const auto& item : done) done_.push_back(item->number);
    done_changed_.NotifyAll();
  }

  const Hello hello_;
  const std::unique_ptr<v1::Ingest::Stub> stub_;
  int generation_ = 0;
  base::Mutex done_mutex_;
  base::CondVar done_changed_;
  std::vector<int> done_ ABSL_GUARDED_BY(done_mutex_);
  int connection_count_ ABSL_GUARDED_BY(done_mutex_) = 0;
};

std::vector<int> Range(int count) {
  std::vector<int> numbers;
  for (int i = 0; i < count; ++i) numbers.push_back(i);
  return numbers;
}

TEST_CASE("ResendingStream brings every item over a server that breaks its streams", "[rpc]") {
  BreakingServer service(4);
  auto server = Server::Start({.listen = "127.0.0.1:0"}, {&service}).value();
  {
    NumberStream stream(server->port());
    for (int i = 0; i < 20; ++i) stream.Send(std::make_unique<Item>(Item{i, 0}));
    CHECK(stream.WaitForDone(20) == Range(20));
    CHECK(stream.connection_count() > 1);
  }
  server->Shutdown(absl::ZeroDuration());
  CHECK(service.in_order());
  const std::vector<int> received = service.received();
  CHECK(received.size() > 20);  // what was not acknowledged came again
  CHECK(std::set<int>(received.begin(), received.end()).size() == 20);
}

TEST_CASE("ResendingStream writes on a new connection although nothing more is sent", "[rpc]") {
  for (const auto hello : {NumberStream::Hello::kNo, NumberStream::Hello::kYes}) {
    BreakingServer service(4);
    auto server = Server::Start({.listen = "127.0.0.1:0"}, {&service}).value();
    {
      NumberStream stream(server->port(), hello);
      for (int i = 0; i < 9; ++i) stream.Send(std::make_unique<Item>(Item{i, i / 5}));
      CHECK(stream.WaitForDone(9) == Range(9));
    }
    server->Shutdown(absl::ZeroDuration());
  }
}

TEST_CASE("ResendingStream makes a new connection for items that do not fit", "[rpc]") {
  BreakingServer service(1'000'000);
  auto server = Server::Start({.listen = "127.0.0.1:0"}, {&service}).value();
  {
    NumberStream stream(server->port());
    for (int i = 0; i < 30; ++i) stream.Send(std::make_unique<Item>(Item{i, i / 10}));
    CHECK(stream.WaitForDone(30) == Range(30));
    CHECK(stream.connection_count() == 3);
  }
  server->Shutdown(absl::ZeroDuration());
  CHECK(service.received() == Range(30));
}

TEST_CASE("ResendingStream gives back what is not acknowledged, and is used again", "[rpc]") {
  BreakingServer service(1'000'000);
  service.SetSilent(true);
  auto server = Server::Start({.listen = "127.0.0.1:0"}, {&service}).value();
  {
    NumberStream stream(server->port());
    CHECK(stream.TakeBack().empty());
    for (int i = 0; i < 5; ++i) stream.Send(std::make_unique<Item>(Item{i, 0}));
    service.WaitForReceived(5);
    NumberStream::Items items = stream.TakeBack();
    REQUIRE(items.size() == 5);
    for (int i = 0; i < 5; ++i) CHECK(items[static_cast<size_t>(i)]->number == i);
    CHECK(stream.TakeBack().empty());

    service.SetSilent(false);
    for (auto& item : items) stream.Send(std::move(item));
    CHECK(stream.WaitForDone(5) == Range(5));
    CHECK(stream.connection_count() == 2);
  }
  server->Shutdown(absl::ZeroDuration());
}

TEST_CASE("ResendingStream gives back items while it cannot connect, and says that it fails",
          "[rpc]") {
  int port = 0;
  {
    BreakingServer nobody(1);
    auto server = Server::Start({.listen = "127.0.0.1:0"}, {&nobody}).value();
    port = server->port();
    server->Shutdown(absl::ZeroDuration());
  }
  NumberStream stream(port);
  CHECK_FALSE(stream.is_failing());
  stream.Send(std::make_unique<Item>());
  while (!stream.is_failing()) std::this_thread::yield();
  CHECK(stream.TakeBack().size() == 1);
  BreakingServer service(1'000'000);
  auto server = Server::Start({.listen = "127.0.0.1:" + std::to_string(port)}, {&service}).value();
  stream.Send(std::make_unique<Item>());
  stream.WaitForDone(1);
  CHECK_FALSE(stream.is_failing());
  stream.Stop();
  server->Shutdown(absl::ZeroDuration());
}

TEST_CASE("ResendingStream holds items while there is no server, and Stop does not wait", "[rpc]") {
  int port = 0;
  {
    BreakingServer nobody(1);
    auto server = Server::Start({.listen = "127.0.0.1:0"}, {&nobody}).value();
    port = server->port();
    server->Shutdown(absl::ZeroDuration());
  }
  NumberStream lost(port);
  lost.Send(std::make_unique<Item>());
  lost.Stop();

  NumberStream stream(port);
  stream.Send(std::make_unique<Item>(Item{0, 0}));
  BreakingServer service(1'000'000);
  auto server = Server::Start({.listen = "127.0.0.1:" + std::to_string(port)}, {&service}).value();
  CHECK(stream.WaitForDone(1) == Range(1));
  stream.Stop();
  server->Shutdown(absl::ZeroDuration());
}

}  // namespace
}  // namespace plumbago::rpc
