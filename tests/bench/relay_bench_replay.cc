// Sends the lines of a file to a relay, again and again, for ./plumbago bench relay: nothing is
// made while it sends.
//
// Over TCP each connection is a thread with lines of its own, as a host that sends the same series
// each time. Over UDP one thread fills datagrams with whole lines. With a rate it keeps to it,
// otherwise it is as fast as the receiver. Prints what it did as JSON.
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/write.hpp>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/status.h"
#include "http/address.h"
#include "service/command_line.h"

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::ip::udp;

struct Options {
  std::string address;
  std::string file;
  uint32_t times = 1;
  uint32_t connections = 4;
  bool is_udp = false;
  double lines_per_second = 0;  // of all connections; 0: as fast as possible
  size_t datagram_bytes = 1432;
};

// Whole lines and how many they are.
struct Piece {
  absl::string_view text;
  uint64_t line_count = 0;
};

uint64_t CountLines(absl::string_view text) {
  return static_cast<uint64_t>(std::count(text.begin(), text.end(), '\n'));
}

// Cuts `text` into pieces of whole lines with at most `bytes_max` each.
std::vector<Piece> Cut(absl::string_view text, size_t bytes_max) {
  std::vector<Piece> pieces;
  while (!text.empty()) {
    size_t size = text.size();
    if (size > bytes_max) size = text.rfind('\n', bytes_max - 1) + 1;
    PLUMBAGO_CHECK(size > 0);
    pieces.push_back({text.substr(0, size), CountLines(text.substr(0, size))});
    text.remove_prefix(size);
  }
  return pieces;
}

// Lets no more lines pass than the rate allows.
class Pace {
 public:
  Pace(plumbago::base::Clock& clock, double lines_per_second)
      : clock_(clock), lines_per_second_(lines_per_second), begin_(clock.Monotonic()) {}

  void Pass(uint64_t line_count) {
    line_count_ += line_count;
    if (lines_per_second_ <= 0) return;
    const absl::Duration due =
        begin_ + absl::Seconds(static_cast<double>(line_count_) / lines_per_second_);
    const absl::Duration wait = due - clock_.Monotonic();
    if (wait > absl::Milliseconds(1)) absl::SleepFor(wait);
  }

 private:
  plumbago::base::Clock& clock_;
  const double lines_per_second_;
  const absl::Duration begin_;
  uint64_t line_count_ = 0;
};

void SendOverTcp(const Options& options, const tcp::endpoint& to, const std::vector<Piece>& pieces,
                 plumbago::base::Clock& clock) {
  asio::io_context context;
  tcp::socket socket(context);
  socket.connect(to);
  Pace pace(clock, options.lines_per_second / options.connections);
  for (uint32_t i = 0; i < options.times; ++i) {
    for (const Piece& piece : pieces) {
      asio::write(socket, asio::buffer(piece.text.data(), piece.text.size()));
      pace.Pass(piece.line_count);
    }
  }
}

void SendOverUdp(const Options& options, const udp::endpoint& to, const std::vector<Piece>& pieces,
                 plumbago::base::Clock& clock) {
  constexpr size_t kAtOnce = 32;
  asio::io_context context;
  udp::socket socket(context);
  socket.connect(to);
  Pace pace(clock, options.lines_per_second);
  std::array<mmsghdr, kAtOnce> messages{};
  std::array<iovec, kAtOnce> parts{};
  for (uint32_t i = 0; i < options.times; ++i) {
    for (size_t next = 0; next < pieces.size();) {
      const size_t count = std::min(kAtOnce, pieces.size() - next);
      uint64_t line_count = 0;
      for (size_t k = 0; k < count; ++k) {
        const Piece& piece = pieces[next + k];
        parts[k] = {.iov_base = const_cast<char*>(piece.text.data()), .iov_len = piece.text.size()};
        messages[k].msg_hdr.msg_iov = &parts[k];
        messages[k].msg_hdr.msg_iovlen = 1;
        line_count += piece.line_count;
      }
      const int sent =
          sendmmsg(socket.native_handle(), messages.data(), static_cast<unsigned>(count), 0);
      PLUMBAGO_CHECK(sent > 0);
      next += static_cast<size_t>(sent);
      pace.Pass(line_count);
    }
  }
}

// Each connection's part of the lines, in pieces.
std::vector<std::vector<Piece>> Share(absl::string_view text, const Options& options) {
  if (options.is_udp) return {Cut(text, options.datagram_bytes)};
  constexpr size_t kWriteBytes = 128 << 10;
  std::vector<std::vector<Piece>> shares;
  for (const Piece& part : Cut(text, text.size() / options.connections + 1024)) {
    shares.push_back(Cut(part.text, kWriteBytes));
  }
  return shares;
}

absl::Status Replay(const Options& options) {
  PLUMBAGO_ASSIGN_OR_RETURN(const auto address, plumbago::http::ParseAddress(options.address));
  std::ifstream file(options.file, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat("cannot read ", options.file));
  std::ostringstream content;
  content << file.rdbuf();
  const std::string text = content.str();
  const auto shares = Share(text, options);
  const asio::ip::address host = asio::ip::make_address(address.host);

  plumbago::base::SystemClock clock;
  const absl::Duration begin = clock.Monotonic();
  std::vector<std::thread> threads;
  for (const std::vector<Piece>& pieces : shares) {
    threads.emplace_back([&, host] {
      if (options.is_udp) {
        SendOverUdp(options, {host, address.port}, pieces, clock);
      } else {
        SendOverTcp(options, {host, address.port}, pieces, clock);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::printf("{\"lines\": %llu, \"seconds\": %.4f}\n",
              static_cast<unsigned long long>(CountLines(text) * options.times),
              absl::ToDoubleSeconds(clock.Monotonic() - begin));
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  plumbago::service::CommandLine line("relay_bench_replay",
                                      "Sends the lines of a file to a relay.");
  Options options;
  line.Add("--address", options.address, "Where to send, host:port")->required();
  line.Add("--file", options.file, "The lines")->required();
  line.Add("--times", options.times, "How often to send them");
  line.Add("--connections", options.connections, "TCP connections, each with lines of its own")
      ->check(CLI::Range(1, 1024));
  line.AddSwitch("--udp", options.is_udp, "Send datagrams of whole lines");
  line.Add("--rate", options.lines_per_second, "Lines per second in all; 0 is as fast as it goes");
  line.AddBytes("--datagram-bytes", options.datagram_bytes, "Largest datagram");
  if (const auto code = line.Parse(argc, argv)) return *code;
  const absl::Status status = Replay(options);
  if (status.ok()) return 0;
  std::fprintf(stderr, "relay_bench_replay: %s\n", std::string(status.message()).c_str());
  return 1;
}
