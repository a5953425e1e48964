#include "udp_listener.h"

#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

#include "listener_socket.h"
#include "relay/stream_decoder.h"

namespace plumbago::relay {
namespace {

namespace asio = boost::asio;
using asio::ip::udp;

constexpr int kDatagramsPerRead = 32;
constexpr int kReadsPerTurn = 16;
constexpr size_t kDatagramBytesMax = 64 << 10;

asio::ip::address AddressOf(const sockaddr_storage& from) {
  if (from.ss_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &from, sizeof(v4));
    return asio::ip::address_v4(ntohl(v4.sin_addr.s_addr));
  }
  sockaddr_in6 v6;
  std::memcpy(&v6, &from, sizeof(v6));
  asio::ip::address_v6::bytes_type bytes;
  std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
  return asio::ip::address_v6(bytes);
}

}  // namespace

struct UdpListener::Buffers {
  std::array<mmsghdr, kDatagramsPerRead> messages{};
  std::array<iovec, kDatagramsPerRead> parts{};
  std::array<sockaddr_storage, kDatagramsPerRead> senders{};
  // Not initialised: pages that no datagram reaches take no memory.
  const std::unique_ptr<char[]> bytes{new char[kDatagramsPerRead * kDatagramBytesMax]};

  // The kernel overwrites the sizes.
  void Prepare() {
    for (int i = 0; i < kDatagramsPerRead; ++i) {
      parts[i] = {.iov_base = bytes.get() + i * kDatagramBytesMax, .iov_len = kDatagramBytesMax};
      msghdr& header = messages[i].msg_hdr;
      header.msg_name = &senders[i];
      header.msg_namelen = sizeof(senders[i]);
      header.msg_iov = &parts[i];
      header.msg_iovlen = 1;
    }
  }
};

UdpListener::UdpListener(ReactorHost& host, const ListenerSpec& spec, size_t receive_buffer_bytes)
    : host_(host),
      spec_(spec),
      receive_buffer_bytes_(receive_buffer_bytes),
      socket_(host.context()),
      buffers_(std::make_unique<Buffers>()) {}

UdpListener::~UdpListener() = default;

absl::Status UdpListener::Open() {
  const boost::system::error_code error =
      BindShared(socket_, {asio::ip::make_address(spec_.address.host), spec_.address.port});
  if (error) return CannotListen(spec_, error.message());
  const int descriptor = socket_.native_handle();
  const int bytes = static_cast<int>(receive_buffer_bytes_);
  // The first needs a privilege, the second is cut to net.core.rmem_max.
  if (setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0) {
    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
  }
  return absl::OkStatus();
}

void UdpListener::Read() {
  if (is_waiting_ || !socket_.is_open()) return;
  is_waiting_ = true;
  socket_.async_wait(udp::socket::wait_read, [this](boost::system::error_code error) {
    is_waiting_ = false;
    if (error || host_.is_draining() || !socket_.is_open()) return;
    host_.BeginReading();
    bool may_read = true;
    for (int i = 0; i < kReadsPerTurn; ++i) {
      may_read = host_.MayReadDatagrams();
      if (!may_read || ReceiveSome() < kDatagramsPerRead) break;
    }
    host_.router().SetFullLanes(FullLanes::kHold);
    if (may_read) Read();  // else it comes later
  });
}

bool UdpListener::TakeAll() {
  for (int i = 0; i < kReadsPerTurn; ++i) {
    if (host_.router().is_backlogged()) return false;
    if (!socket_.is_open() || ReceiveSome() == 0) return true;
  }
  return false;
}

void UdpListener::CountLost() {
  if (!socket_.is_open()) return;
  std::array<uint32_t, SK_MEMINFO_VARS> memory{};
  socklen_t size = sizeof(memory);
  if (getsockopt(socket_.native_handle(), SOL_SOCKET, SO_MEMINFO, memory.data(), &size) != 0 ||
      size < (SK_MEMINFO_DROPS + 1) * sizeof(uint32_t)) {
    return;  // a kernel before 4.12
  }
  const uint32_t lost_count = memory[SK_MEMINFO_DROPS];
  host_.shared().metrics.kernel_drops_udp.Increment(static_cast<double>(lost_count - lost_count_));
  lost_count_ = lost_count;
}

void UdpListener::Close() {
  CountLost();
  boost::system::error_code ignored;
  socket_.close(ignored);
}

int UdpListener::ReceiveSome() {
  buffers_->Prepare();
  const int count = recvmmsg(socket_.native_handle(), buffers_->messages.data(), kDatagramsPerRead,
                             MSG_DONTWAIT, nullptr);
  if (count <= 0) return 0;
  if (!is_source_known_) {
    is_source_known_ = true;
    source_.protocol = spec_.protocol;
    if (!spec_.tenant.empty()) source_.tenant = host_.router().TenantOf(spec_.tenant);
  }
  size_t byte_count = 0;
  for (int i = 0; i < count; ++i) {
    const size_t size = buffers_->messages[i].msg_len;
    byte_count += size;
    Handle({static_cast<const char*>(buffers_->parts[i].iov_base), size}, buffers_->senders[i]);
  }
  host_.shared().metrics.bytes_received.Increment(static_cast<double>(byte_count));
  return count;
}

void UdpListener::Handle(absl::string_view datagram, const sockaddr_storage& from) {
  PointRouter& router = host_.router();
  const asio::ip::address address = AddressOf(from);
  if (spec_.tenant.empty() && !host_.shared().networks.empty()) {
    const std::string& tenant = host_.shared().networks.TenantOf(address);
    source_.tenant = tenant.empty() ? 0 : router.TenantOf(tenant);
  }
  source_.sender = SenderOf(address);
  router.SetSource(source_);
  if (spec_.protocol == Protocol::kStatsd) {
    return FeedStatsd(datagram, StatsdInput::kDatagram, *host_.statsd(), router);
  }
  cutter_.Feed(datagram, router);
  cutter_.Finish(router);
}

}  // namespace plumbago::relay
