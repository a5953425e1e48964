// plumbago-loadgen: sends N series for R rounds as plaintext over TCP, as fast as the receiver
// takes them, and prints what it sent. Deterministic: the value of a point follows from series and
// round, so that a reader can check every one (see ValueOf).

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/clock.h"
#include "base/status.h"
#include "http/address.h"
#include "service/command_line.h"

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

struct Options {
  std::string address = "127.0.0.1:2003";
  std::string prefix = "bench";
  uint32_t series_count = 10'000;
  uint32_t round_count = 10;
  uint32_t step_seconds = 10;
  uint32_t first_time = 0;  // 0: so that the last round is now
  uint32_t connection_count = 4;
};

constexpr size_t kBufferBytes = 128 << 10;

// bench.<0..9>.<0..99>.host<i>.metric<j>.value: a tree with wide and narrow levels.
std::string NameOf(const std::string& prefix, uint32_t series) {
  return absl::StrFormat("%s.dc%d.rack%02d.host%05d.metric%03d.value", prefix, series % 4,
                         series / 4 % 50, series / 1000, series % 1000);
}

uint32_t ValueOf(uint32_t series, uint32_t round) { return (series * 31 + round * 7) % 1'000'000; }

// Splits the lines over its connections, a buffer at a time.
class Sender {
 public:
  explicit Sender(const Options& options) : options_(options) {
    buffer_.reserve(kBufferBytes + 256);
  }

  absl::Status Connect() {
    PLUMBAGO_ASSIGN_OR_RETURN(const auto address, plumbago::http::ParseAddress(options_.address));
    for (uint32_t i = 0; i < options_.connection_count; ++i) {
      sockets_.push_back(std::make_unique<tcp::socket>(context_));
      boost::system::error_code error;
      sockets_.back()->connect({asio::ip::make_address(address.host), address.port}, error);
      if (error) {
        return absl::UnavailableError(
            absl::StrCat("cannot connect to ", options_.address, ": ", error.message()));
      }
    }
    return absl::OkStatus();
  }

  absl::Status AddLine(const std::string& name, uint32_t value, const std::string& time) {
    char digits[16];
    const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
    buffer_.append(name).append(digits, end).append(time);
    return buffer_.size() >= kBufferBytes ? Flush() : absl::OkStatus();
  }

  absl::Status Flush() {
    boost::system::error_code error;
    asio::write(*sockets_[next_], asio::buffer(buffer_), error);
    if (error) return absl::UnavailableError(absl::StrCat("write: ", error.message()));
    sent_bytes_ += buffer_.size();
    buffer_.clear();
    next_ = (next_ + 1) % sockets_.size();
    return absl::OkStatus();
  }

  uint64_t sent_bytes() const { return sent_bytes_; }

 private:
  const Options& options_;
  asio::io_context context_;
  std::vector<std::unique_ptr<tcp::socket>> sockets_;
  size_t next_ = 0;
  std::string buffer_;
  uint64_t sent_bytes_ = 0;
};

absl::Status Send(const Options& options, plumbago::base::Clock& clock) {
  std::vector<std::string> names;
  for (uint32_t i = 0; i < options.series_count; ++i) {
    names.push_back(NameOf(options.prefix, i) + " ");
  }
  const uint32_t first_time = options.first_time != 0
                                  ? options.first_time
                                  : static_cast<uint32_t>(clock.UnixSeconds()) -
                                        (options.round_count - 1) * options.step_seconds;
  Sender sender(options);
  PLUMBAGO_RETURN_IF_ERROR(sender.Connect());
  const absl::Duration begin = clock.Monotonic();
  for (uint32_t round = 0; round < options.round_count; ++round) {
    const std::string time = absl::StrCat(" ", first_time + round * options.step_seconds, "\n");
    for (uint32_t i = 0; i < options.series_count; ++i) {
      PLUMBAGO_RETURN_IF_ERROR(sender.AddLine(names[i], ValueOf(i, round), time));
    }
  }
  PLUMBAGO_RETURN_IF_ERROR(sender.Flush());
  const double seconds = absl::ToDoubleSeconds(clock.Monotonic() - begin);
  const uint64_t points = uint64_t{options.series_count} * options.round_count;
  std::printf(
      "{\"points\": %llu, \"bytes\": %llu, \"seconds\": %.3f, \"points_per_second\": %.0f, "
      "\"first_time\": %u}\n",
      static_cast<unsigned long long>(points), static_cast<unsigned long long>(sender.sent_bytes()),
      seconds, static_cast<double>(points) / seconds, first_time);
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  plumbago::service::CommandLine line("plumbago-loadgen",
                                      "Sends N series for R rounds as plaintext over TCP.");
  Options options;
  line.Add("--address", options.address, "Where to send, host:port");
  line.Add("--prefix", options.prefix, "First node of every name");
  line.Add("--series", options.series_count, "Number of series");
  line.Add("--rounds", options.round_count, "Points of each series");
  line.Add("--step", options.step_seconds, "Seconds between two points of a series");
  line.Add("--first-time", options.first_time,
           "Time of the first round; 0 lets the last round be now");
  line.Add("--connections", options.connection_count, "TCP connections to spread the lines over")
      ->check(CLI::Range(1, 1024));
  if (const auto code = line.Parse(argc, argv)) return *code;
  plumbago::base::SystemClock clock;
  const absl::Status status = Send(options, clock);
  if (status.ok()) return 0;
  std::fprintf(stderr, "plumbago-loadgen: %s\n", std::string(status.message()).c_str());
  return 1;
}
