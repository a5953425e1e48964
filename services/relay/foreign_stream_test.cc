// Proves over real sockets that foreign destinations get every point, over connections that break,
// hang or are refused, and that nothing counts as accepted before the peer's kernel has it. The
// peers are sockets of the test. TLS is in tests/integration/test_foreign.py.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/clock.h"
#include "base/testing/temporary_directory.h"
#include "foreign_senders.h"
#include "protocols/decompressor.h"

namespace plumbago::relay {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(20);

template <typename Condition>
bool WaitUntil(Condition condition) {
  base::SystemClock clock;
  const absl::Duration deadline = clock.Monotonic() + kPatience;
  while (!condition()) {
    if (clock.Monotonic() > deadline) return false;
    poll(nullptr, 0, 1);
  }
  return true;
}

class Socket {
 public:
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  ~Socket() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  int get() const { return descriptor_; }

  // What arrives next; "" at the end.
  std::string Read() const {
    pollfd readable{descriptor_, POLLIN, 0};
    REQUIRE(poll(&readable, 1, static_cast<int>(absl::ToInt64Milliseconds(kPatience))) == 1);
    std::string bytes(1 << 20, '\0');
    const ssize_t count = recv(descriptor_, bytes.data(), bytes.size(), 0);
    bytes.resize(count < 0 ? 0 : static_cast<size_t>(count));
    return bytes;
  }
  // Lines, until there are `count`.
  std::vector<std::string> ReadLines(size_t count) const {
    std::string text;
    while (static_cast<size_t>(std::count(text.begin(), text.end(), '\n')) < count) {
      const std::string more = Read();
      REQUIRE(more != "");
      text += more;
    }
    return absl::StrSplit(text, '\n', absl::SkipEmpty());
  }
  // Everything that was sent is lost.
  void Reset() {
    const linger now{1, 0};
    setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(std::exchange(descriptor_, -1));
  }

 private:
  int descriptor_;
};

// A peer on a port of its own.
class Peer {
 public:
  explicit Peer(int type = SOCK_STREAM) : socket_(socket(AF_INET, type | SOCK_CLOEXEC, 0)) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address_);
    REQUIRE(bind(socket_.get(), reinterpret_cast<sockaddr*>(&address_), size) == 0);
    REQUIRE(getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address_), &size) == 0);
  }
  Peer& Listen() {
    REQUIRE(listen(socket_.get(), 8) == 0);
    return *this;
  }
  Socket Accept() const {
    pollfd readable{socket_.get(), POLLIN, 0};
    REQUIRE(poll(&readable, 1, static_cast<int>(absl::ToInt64Milliseconds(kPatience))) == 1);
    return Socket(accept(socket_.get(), nullptr, nullptr));
  }
  const Socket& socket_of_datagrams() const { return socket_; }
  routing::Endpoint endpoint() const {
    return {.host = "127.0.0.1", .port = ntohs(address_.sin_port)};
  }

 private:
  Socket socket_;
  sockaddr_in address_{};
};

struct Fixture {
  Fixture() { REQUIRE(senders.Start().ok()); }
  std::unique_ptr<BatchStream> Open(const routing::Endpoint& endpoint) {
    REQUIRE(ForeignSenders::Check({endpoint}).ok());
    return senders.MakeStream(endpoint);
  }
  // Points of the times `first` to `first + count - 1`.
  std::unique_ptr<Batch> MakeBatch(uint32_t first, size_t count, const std::string& metric = "a") {
    auto names = std::make_shared<NameTable>();
    const uint32_t id = names->Append("t", metric);
    auto batch = std::make_unique<Batch>();
    batch->names = names;
    for (size_t i = 0; i < count; ++i) {
      batch->points.Append(id, first + static_cast<uint32_t>(i), 0.5);
    }
    return batch;
  }
  double Metric(const std::string& name) {
    const std::string text = registry.Scrape();
    size_t at = text.find("\nplumbago_relay_destination_" + name + "{");
    REQUIRE(at != std::string::npos);
    at = text.find("} ", at);
    return std::stod(text.substr(at + 2));
  }

  std::unique_ptr<base::FileSystem> file_system = base::MakePosixFileSystem();
  base::Metrics registry;
  base::Gauge& points_held = registry.AddGauge("points_held", "Points in memory");
  ForeignSenders senders{
      {.connect_timeout = absl::Seconds(5)}, *file_system, registry, points_held};
};

std::set<std::string> Lines(uint32_t first, size_t count) {
  std::set<std::string> lines;
  for (size_t i = 0; i < count; ++i) lines.insert(absl::StrCat("a 0.5 ", first + i));
  return lines;
}

TEST_CASE("Points arrive in order and are accepted", "[foreign]") {
  Fixture f;
  Peer peer;
  const auto stream = f.Open(peer.Listen().endpoint());
  stream->Send(f.MakeBatch(10, 2));
  stream->Send(f.MakeBatch(20, 1));
  const Socket connection = peer.Accept();
  CHECK(connection.ReadLines(3) == std::vector<std::string>{"a 0.5 10", "a 0.5 11", "a 0.5 20"});
  CHECK(WaitUntil([&] { return stream->unacknowledged_bytes() == 0; }));
  CHECK(stream->acknowledged_count() == 2);
  CHECK(f.Metric("points_sent_total") == 3);
  CHECK(f.Metric("queued_bytes") == 0);
  CHECK(f.points_held.Value() == 0);
  CHECK(f.Metric("connections") == 1);
}

TEST_CASE("A name that lines cannot hold is counted, and the others go on", "[foreign]") {
  Fixture f;
  Peer peer;
  const auto stream = f.Open(peer.Listen().endpoint());
  stream->Send(f.MakeBatch(1, 5, "not one field"));
  stream->Send(f.MakeBatch(10, 1));
  CHECK(peer.Accept().ReadLines(1) == std::vector<std::string>{"a 0.5 10"});
  CHECK(WaitUntil([&] { return stream->unacknowledged_bytes() == 0; }));
  CHECK(f.Metric("points_refused_total") == 5);
  CHECK(f.Metric("points_sent_total") == 1);
}

TEST_CASE("A destination that is not there is failing, and gets everything when it is",
          "[foreign]") {
  Fixture f;
  Peer peer;
  const auto stream = f.Open(peer.endpoint());  // bound, but it does not listen
  stream->Send(f.MakeBatch(10, 1));
  CHECK(WaitUntil([&] { return stream->is_failing(); }));
  CHECK(stream->unacknowledged_bytes() > 0);
  peer.Listen();
  CHECK(peer.Accept().ReadLines(1) == std::vector<std::string>{"a 0.5 10"});
  CHECK(WaitUntil([&] { return !stream->is_failing(); }));
  CHECK(f.Metric("failures_total") > 0);
}

constexpr uint32_t kLargePoints = 12'000;
constexpr uint32_t kLargeBatches = 120;  // together more than any buffer of a kernel

// How many batches a peer that reads nothing has accepted, when that has come to its end.
uint64_t AcceptedWhenStalled(BatchStream& stream) {
  uint64_t accepted = 0;
  CHECK(WaitUntil([&] {  // nothing for a second
    accepted = stream.acknowledged_count();
    poll(nullptr, 0, 1000);
    return stream.acknowledged_count() == accepted;
  }));
  return accepted;
}

TEST_CASE("What the peer had not accepted when the connection broke is sent again", "[foreign]") {
  Fixture f;
  Peer peer;
  const auto stream = f.Open(peer.Listen().endpoint());
  for (uint32_t i = 0; i < kLargeBatches; ++i) {
    stream->Send(f.MakeBatch(1 + i * kLargePoints, kLargePoints));
  }
  uint64_t accepted = 0;
  {
    Socket connection = peer.Accept();
    accepted = AcceptedWhenStalled(*stream);
    CHECK(accepted < kLargeBatches);
    connection.Reset();
  }
  const Socket connection = peer.Accept();
  std::string text;
  const std::string last = absl::StrCat("a 0.5 ", kLargeBatches * kLargePoints, "\n");
  while (!absl::StrContains(text, last)) text += connection.Read();
  const std::string first = absl::StrCat("a 0.5 ", accepted * kLargePoints + 1, "\n");
  CHECK(absl::StartsWith(text, first));
  CHECK(static_cast<size_t>(std::count(text.begin(), text.end(), '\n')) ==
        (kLargeBatches - accepted) * kLargePoints);
  CHECK(WaitUntil([&] { return stream->acknowledged_count() == kLargeBatches; }));
}

TEST_CASE("A peer that takes one batch for each connection gets all of them", "[foreign]") {
  Fixture f;
  Peer peer;
  const auto stream = f.Open(peer.Listen().endpoint());
  std::set<std::string> seen;
  for (uint32_t i = 0; i < 5; ++i) {
    stream->Send(f.MakeBatch(10 + i, 1));
    const Socket connection = peer.Accept();
    while (seen.count(absl::StrCat("a 0.5 ", 10 + i)) == 0) {
      for (const std::string& line : connection.ReadLines(1)) seen.insert(line);
    }
    shutdown(connection.get(), SHUT_WR);
    CHECK(connection.Read() == "");  // the relay has noticed
  }
  CHECK(WaitUntil([&] { return stream->acknowledged_count() == 5; }));
  CHECK(seen == Lines(10, 5));
}

TEST_CASE("A peer that closes an idle connection is no failure", "[foreign]") {
  Fixture f;
  Peer peer;
  const auto stream = f.Open(peer.Listen().endpoint());
  stream->Send(f.MakeBatch(10, 1));
  {
    const Socket connection = peer.Accept();
    connection.ReadLines(1);
    CHECK(WaitUntil([&] { return stream->unacknowledged_bytes() == 0; }));
  }
  CHECK(WaitUntil([&] { return f.Metric("connections") == 0; }));
  stream->Send(f.MakeBatch(20, 1));
  CHECK(peer.Accept().ReadLines(1) == std::vector<std::string>{"a 0.5 20"});
  CHECK_FALSE(stream->is_failing());
  CHECK(f.Metric("failures_total") == 0);
  CHECK(f.Metric("connects_total") == 2);
}

TEST_CASE("A peer that reads nothing accepts what its kernel holds, and no more", "[foreign]") {
  Fixture f;
  Peer peer;
  const auto stream = f.Open(peer.Listen().endpoint());
  const Socket connection = [&] {
    stream->Send(f.MakeBatch(1, 1));
    return peer.Accept();
  }();
  for (uint32_t i = 0; i < kLargeBatches; ++i) {
    stream->Send(f.MakeBatch(2 + i * kLargePoints, kLargePoints));
  }
  const uint64_t before = AcceptedWhenStalled(*stream);
  CHECK(before < kLargeBatches);

  // What is taken back does not come, except for what is on its way; the connection stays.
  const auto taken = stream->TakeBack();
  CHECK(taken.size() == kLargeBatches + 1 - before);
  CHECK(stream->unacknowledged_bytes() == 0);
  stream->Send(f.MakeBatch(5, 1, "probe"));
  poll(nullptr, 0, 100);
  CHECK(stream->unacknowledged_bytes() > 0);
  std::string text;
  while (!absl::StrContains(text, "\nprobe 0.5 5\n")) text += connection.Read();
  CHECK(WaitUntil([&] { return stream->unacknowledged_bytes() == 0; }));
  CHECK(f.Metric("connects_total") == 1);
  std::set<std::string> seen;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) seen.insert(std::string(line));
  for (const std::string& line : Lines(1, 1 + (before - 1) * kLargePoints)) {
    if (seen.count(line) == 0) FAIL("accepted, but it did not arrive: " << line);
  }
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    if (!absl::StartsWith(line, "a 0.5 ") && line != "probe 0.5 5") FAIL("broken: " << line);
  }
}

TEST_CASE("A compressed connection can be inflated as it comes", "[foreign]") {
  Fixture f;
  Peer peer;
  routing::Endpoint endpoint = peer.Listen().endpoint();
  endpoint.compression = GENERATE(routing::Compression::kGzip, routing::Compression::kSnappy);
  const auto stream = f.Open(endpoint);
  const auto decompressor = protocols::MakeDecompressor(
      endpoint.compression == routing::Compression::kGzip ? protocols::Compression::kGzip
                                                          : protocols::Compression::kSnappy);
  stream->Send(f.MakeBatch(10, 3));
  const Socket connection = peer.Accept();
  for (uint32_t round = 1; round <= 3; ++round) {
    std::string text;
    while (std::count(text.begin(), text.end(), '\n') < 3) {
      const auto append = [&](absl::string_view part) { text.append(part.data(), part.size()); };
      REQUIRE(decompressor->Feed(connection.Read(), append).ok());
    }
    CHECK(absl::StartsWith(text, absl::StrCat("a 0.5 ", 10 * round, "\n")));
    stream->Send(f.MakeBatch(10 * round + 10, 3));
  }
}

TEST_CASE("Datagrams hold whole lines and fit into a packet", "[foreign]") {
  Fixture f;
  const Peer peer(SOCK_DGRAM);
  routing::Endpoint endpoint = peer.endpoint();
  endpoint.network = routing::Network::kUdp;
  const auto stream = f.Open(endpoint);
  stream->Send(f.MakeBatch(1000, 500));
  std::set<std::string> seen;
  while (seen.size() < 500) {
    const std::string datagram = peer.socket_of_datagrams().Read();
    CHECK(datagram.size() <= 1400);
    REQUIRE(datagram.back() == '\n');
    for (const absl::string_view line : absl::StrSplit(datagram, '\n', absl::SkipEmpty())) {
      seen.insert(std::string(line));
    }
  }
  CHECK(seen == Lines(1000, 500));
  CHECK(WaitUntil([&] { return stream->unacknowledged_bytes() == 0; }));
}

TEST_CASE("A file gets lines, may be renamed away, and is tried again", "[foreign]") {
  Fixture f;
  const base::testing::TemporaryDirectory directory;
  const std::string path = directory.path() + "/later/points";
  const auto stream = f.Open({.protocol = routing::Protocol::kFile, .host = path, .port = 0});
  stream->Send(f.MakeBatch(10, 2));
  CHECK(WaitUntil([&] { return stream->is_failing(); }));
  std::filesystem::create_directory(directory.path() + "/later");
  const auto is_accepted = [&] { return stream->unacknowledged_bytes() == 0; };
  CHECK(WaitUntil(is_accepted));
  const auto content = [&](const std::string& name) {
    return base::ReadWholeFile(*f.file_system, name, 1 << 20).value();
  };
  CHECK(content(path) == "\na 0.5 10\na 0.5 11\n");
  std::filesystem::rename(path, path + ".1");
  stream->Send(f.MakeBatch(20, 1));
  CHECK(WaitUntil(is_accepted));
  CHECK(content(path) == "a 0.5 20\n");
}

TEST_CASE("Endpoints that nothing can be sent to are refused", "[foreign]") {
  const auto is_refused = [](const routing::Endpoint& endpoint) {
    return !ForeignSenders::Check({endpoint}).ok();
  };
  using routing::Network;
  CHECK_FALSE(is_refused({.network = Network::kUdp}));
  CHECK(is_refused({.protocol = routing::Protocol::kFileIp, .host = "/x"}));
  CHECK(is_refused({.protocol = routing::Protocol::kPickle, .network = Network::kUdp}));
  CHECK(is_refused({.network = Network::kUdp, .compression = routing::Compression::kGzip}));
  CHECK(is_refused({.network = Network::kUdp, .encryption = routing::Encryption::kTls}));
}

}  // namespace
}  // namespace plumbago::relay
