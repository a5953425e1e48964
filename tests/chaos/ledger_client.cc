// Writes numbered rows to a cache, as a relay does, and notes each acknowledgement in a file that
// it syncs: what stands there must be found again, whatever happens to the servers.
//
// Row n is one point for each of N series, <prefix>.s0 .. s<N-1>, at second <first-time> + n with
// the value n. The client waits for the acknowledgement of a row before the next one; where the
// stream breaks it connects again and sends the row again. Ends with SIGTERM.

#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "plumbago/v1/ingest.grpc.pb.h"
#include "rpc/series_definitions.h"
#include "rpc/server.h"
#include "service/command_line.h"

namespace plumbago::chaos {
namespace {

struct Options {
  std::string cache = "127.0.0.1:7600";
  std::string ledger = "ledger";
  std::string prefix = "chaos";
  uint32_t series_count = 200;
  uint32_t first_time = 1;
  uint32_t rows_per_second = 100;
};

class Ledger {
 public:
  explicit Ledger(const std::string& path)
      : descriptor_(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) {
    PLUMBAGO_CHECK(descriptor_ >= 0);
  }
  ~Ledger() { close(descriptor_); }

  void Note(uint32_t row) {
    const std::string line = absl::StrCat(row, "\n");
    PLUMBAGO_CHECK(write(descriptor_, line.data(), line.size()) ==
                   static_cast<ssize_t>(line.size()));
    PLUMBAGO_CHECK(fdatasync(descriptor_) == 0);
  }

 private:
  const int descriptor_;
};

// One stream to the cache; of no use after the first failure.
class Connection {
 public:
  Connection(v1::Ingest::Stub& stub, const Options& options)
      : options_(options), stream_(stub.Stream(&context_)) {
    v1::IngestRequest hello;
    hello.mutable_hello()->set_protocol_version(1);
    hello.mutable_hello()->set_relay("ledger client");
    is_open_ = stream_->Write(hello);
  }
  ~Connection() {
    context_.TryCancel();
    stream_->Finish().error_code();
  }

  // True when the row is acknowledged.
  bool Send(uint32_t row) {
    if (!is_open_) return false;
    v1::IngestRequest request;
    v1::PointBatch& batch = *request.mutable_batch();
    batch.set_sequence(++sequence_);
    for (uint32_t i = 0; i < options_.series_count; ++i) {
      if (sequence_ == 1) {
        rpc::AppendDefinition(i, "default", absl::StrCat(options_.prefix, ".s", i),
                              batch.mutable_definitions());
      }
      batch.add_series_id(i);
      batch.add_time(options_.first_time + row);
      batch.add_value(row);
    }
    v1::IngestResponse response;
    is_open_ = stream_->Write(request);
    while (is_open_ && response.acknowledged_sequence() < sequence_) {
      is_open_ = stream_->Read(&response);
    }
    return is_open_;
  }

 private:
  const Options& options_;
  grpc::ClientContext context_;
  const std::unique_ptr<grpc::ClientReaderWriter<v1::IngestRequest, v1::IngestResponse>> stream_;
  uint64_t sequence_ = 0;
  bool is_open_ = false;
};

[[noreturn]] void Run(const Options& options) {
  Ledger ledger(options.ledger);
  const auto stub = v1::Ingest::NewStub(rpc::MakeChannel(options.cache));
  auto connection = std::make_unique<Connection>(*stub, options);
  auto next = std::chrono::steady_clock::now();  // NOLINT: a client of tests
  for (uint32_t row = 0;; ++row) {
    while (!connection->Send(row)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      connection = std::make_unique<Connection>(*stub, options);
    }
    ledger.Note(row);
    next += std::chrono::microseconds(1'000'000 / options.rows_per_second);
    std::this_thread::sleep_until(next);
  }
}

}  // namespace
}  // namespace plumbago::chaos

int main(int argc, char** argv) {
  plumbago::chaos::Options options;
  plumbago::service::CommandLine line("ledger_client",
                                      "Writes rows and notes what is acknowledged");
  line.Add("--cache", options.cache, "gRPC address of the cache");
  line.Add("--ledger", options.ledger, "File of the acknowledged rows");
  line.Add("--prefix", options.prefix, "Of the names of the series");
  line.Add("--series", options.series_count, "Points of a row");
  line.Add("--first-time", options.first_time, "Second of row 0");
  line.Add("--rows-per-second", options.rows_per_second, "At most");
  if (const auto code = line.Parse(argc, argv)) return *code;
  plumbago::chaos::Run(options);
}
