// A destination of a relay that throws everything away, for ./plumbago bench relay.
//
//   relay_bench_sink grpc ADDRESS        a cache: takes batches, acknowledges each, keeps nothing
//   relay_bench_sink plaintext ADDRESS   counts the lines of every connection
//
// Writes "ready" when it listens, then the number of points so far for each line that it reads
// from its standard input, and ends with that.
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/check.h"
#include "http/address.h"
#include "plumbago/v1/ingest.grpc.pb.h"
#include "rpc/server.h"

namespace {

namespace asio = boost::asio;
namespace v1 = plumbago::v1;
using asio::ip::tcp;

std::atomic<uint64_t> point_count{0};

class DiscardingIngest final : public v1::Ingest::Service {
 public:
  grpc::Status Stream(
      grpc::ServerContext*,
      grpc::ServerReaderWriter<v1::IngestResponse, v1::IngestRequest>* stream) override {
    v1::IngestRequest request;
    v1::IngestResponse response;
    while (stream->Read(&request)) {
      if (!request.has_batch()) continue;
      point_count += static_cast<uint64_t>(request.batch().value_size());
      response.set_acknowledged_sequence(request.batch().sequence());
      if (!stream->Write(response)) break;
    }
    return grpc::Status::OK;
  }
};

void CountLines(tcp::socket socket) {
  constexpr size_t kReadBytes = 256 << 10;
  const std::unique_ptr<char[]> buffer(new char[kReadBytes]);
  while (true) {
    boost::system::error_code error;
    const size_t size = socket.read_some(asio::buffer(buffer.get(), kReadBytes), error);
    if (error) return;
    uint64_t line_count = 0;
    for (size_t i = 0; i < size; ++i) line_count += buffer[i] == '\n';
    point_count += line_count;
  }
}

// The threads end with the process.
void ServePlaintext(const plumbago::http::Address& address) {
  std::thread([address] {
    asio::io_context context;
    tcp::acceptor acceptor(context, {asio::ip::make_address(address.host), address.port});
    std::puts("ready");
    std::fflush(stdout);
    while (true) std::thread(CountLines, acceptor.accept()).detach();
  }).detach();
}

void AnswerQuestions() {
  std::string question;
  while (std::getline(std::cin, question)) {
    std::printf("%llu\n", static_cast<unsigned long long>(point_count.load()));
    std::fflush(stdout);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const absl::string_view kind = argc == 3 ? argv[1] : "";
  if (kind == "grpc") {
    DiscardingIngest ingest;
    const auto server = plumbago::rpc::Server::Start({.listen = argv[2]}, {&ingest});
    PLUMBAGO_CHECK(server.ok());
    std::puts("ready");
    std::fflush(stdout);
    AnswerQuestions();
    (*server)->Shutdown(absl::ZeroDuration());
    return 0;
  }
  if (kind == "plaintext") {
    const auto address = plumbago::http::ParseAddress(argv[2]);
    PLUMBAGO_CHECK(address.ok());
    ServePlaintext(*address);
    AnswerQuestions();
    std::_Exit(0);
  }
  std::fputs("usage: relay_bench_sink grpc|plaintext HOST:PORT\n", stderr);
  return 2;
}
