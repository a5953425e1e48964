// Sends numbered points to a relay for a time: over TCP as fast as it takes them, or over UDP at a
// rate that it need not keep up with. Each line is of one of N series, with the time of its making;
// each datagram has the same number of lines, so that a kernel's count of lost ones is a count of
// points. Prints what it did as JSON.
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/write.hpp>
#include <cstdio>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/status.h"
#include "http/address.h"
#include "service/command_line.h"

namespace {

namespace asio = boost::asio;

// Of one call to the kernel over UDP, and of one write over TCP.
constexpr size_t kDatagramsAtOnce = 32;

struct Options {
  std::string address;
  std::string prefix = "overload";
  uint32_t series_count = 2'000;
  uint32_t lines_per_datagram = 25;
  double lines_per_second = 0;  // over UDP
  absl::Duration duration = absl::Seconds(10);
  bool is_udp = false;
};

class Client {
 public:
  explicit Client(const Options& options) : options_(options), begin_(clock_.Monotonic()) {}

  absl::Status Run() {
    PLUMBAGO_ASSIGN_OR_RETURN(const auto address, plumbago::http::ParseAddress(options_.address));
    const asio::ip::address host = asio::ip::make_address(address.host);
    const absl::Status status =
        options_.is_udp ? SendOverUdp({host, address.port}) : SendOverTcp({host, address.port});
    std::printf("{\"lines\": %llu, \"seconds\": %.4f}\n",
                static_cast<unsigned long long>(line_count_), absl::ToDoubleSeconds(Elapsed()));
    return status;
  }

 private:
  absl::Duration Elapsed() { return clock_.Monotonic() - begin_; }

  // The next lines of the same time.
  void MakeLines(std::string* text) {
    text->clear();
    const int64_t now = absl::ToUnixSeconds(clock_.Now());
    for (uint32_t i = 0; i < options_.lines_per_datagram; ++i, ++line_count_) {
      absl::StrAppend(text, options_.prefix, ".s", line_count_ % options_.series_count, " ",
                      line_count_, " ", now, "\n");
    }
  }

  absl::Status SendOverTcp(const asio::ip::tcp::endpoint& to) {
    asio::ip::tcp::socket socket(context_);
    boost::system::error_code error;
    socket.connect(to, error);
    std::string lines;
    while (!error && Elapsed() < options_.duration) {
      std::string all;
      for (size_t i = 0; i < kDatagramsAtOnce; ++i) {
        MakeLines(&lines);
        all += lines;
      }
      asio::write(socket, asio::buffer(all), error);
    }
    return error ? absl::UnavailableError(error.message()) : absl::OkStatus();
  }

  absl::Status SendOverUdp(const asio::ip::udp::endpoint& to) {
    asio::ip::udp::socket socket(context_);
    socket.connect(to);
    std::array<std::string, kDatagramsAtOnce> datagrams;
    std::array<mmsghdr, kDatagramsAtOnce> messages{};
    std::array<iovec, kDatagramsAtOnce> parts{};
    while (Elapsed() < options_.duration) {
      for (size_t i = 0; i < kDatagramsAtOnce; ++i) {
        MakeLines(&datagrams[i]);
        parts[i] = {.iov_base = datagrams[i].data(), .iov_len = datagrams[i].size()};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
      }
      for (size_t sent_count = 0; sent_count < kDatagramsAtOnce;) {
        const int sent = sendmmsg(socket.native_handle(), &messages[sent_count],
                                  static_cast<unsigned>(kDatagramsAtOnce - sent_count), 0);
        if (sent <= 0) return absl::ErrnoToStatus(errno, "sendmmsg");
        sent_count += static_cast<size_t>(sent);
      }
      const absl::Duration due =
          absl::Seconds(static_cast<double>(line_count_) / options_.lines_per_second);
      if (due - Elapsed() > absl::Milliseconds(1)) absl::SleepFor(due - Elapsed());
    }
    return absl::OkStatus();
  }

  const Options& options_;
  plumbago::base::SystemClock clock_;
  const absl::Duration begin_;  // monotonic
  asio::io_context context_;
  uint64_t line_count_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  plumbago::service::CommandLine line("overload_client", "Sends a relay more than it can take.");
  Options options;
  line.Add("--address", options.address, "Where to send, host:port")->required();
  line.Add("--prefix", options.prefix, "First node of the names");
  line.Add("--series", options.series_count, "Series")->check(CLI::Range(1u, 1'000'000u));
  line.Add("--lines-per-datagram", options.lines_per_datagram, "Lines of each datagram")
      ->check(CLI::Range(1u, 1'000u));
  line.Add("--rate", options.lines_per_second, "Lines per second over UDP")
      ->check(CLI::PositiveNumber);
  line.AddDuration("--duration", options.duration, "How long to send");
  line.AddSwitch("--udp", options.is_udp, "Send datagrams instead of a stream");
  if (const auto code = line.Parse(argc, argv)) return *code;
  const absl::Status status = Client(options).Run();
  if (status.ok()) return 0;
  std::fprintf(stderr, "overload_client: %s\n", std::string(status.message()).c_str());
  return 1;
}
