#include "reactor.h"

#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status.h"
#include "ingest_stream.h"

namespace plumbago::relay {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::ip::udp;

constexpr size_t kReadBufferBytes = 256 << 10;
// A fast sender may not keep the others of its reactor waiting for longer than this many reads.
constexpr int kReadsPerTurn = 4;
constexpr int kDatagramsPerTurn = 512;
constexpr size_t kDatagramBytesMax = 64 << 10;
constexpr absl::Duration kDrainPoll = absl::Milliseconds(10);
// A sender that never pauses must not keep a relay from stopping.
constexpr absl::Duration kDrainReadsMax = absl::Milliseconds(500);
constexpr absl::Duration kAcceptPause = absl::Milliseconds(200);

using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

template <typename Socket>
boost::system::error_code BindShared(Socket& socket, const typename Socket::endpoint_type& where) {
  boost::system::error_code error;
  socket.open(where.protocol(), error);
  if (!error) socket.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) socket.set_option(ReusePort(true), error);
  if (!error) socket.bind(where, error);
  if (!error) socket.non_blocking(true, error);
  return error;
}

absl::Status CannotListen(const http::Address& address, const char* protocol,
                          const boost::system::error_code& error) {
  return absl::UnavailableError(absl::StrCat("cannot listen on ", address.host, ":", address.port,
                                             " (", protocol, "): ", error.message()));
}

}  // namespace

// One TCP client. Kept alive by the reactor's set; used on its thread only.
class Reactor::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Reactor& reactor, tcp::socket socket)
      : reactor_(reactor), socket_(std::move(socket)) {}

  void WaitForData() {
    is_waiting_ = true;
    socket_.async_wait(tcp::socket::wait_read,
                       [self = shared_from_this()](boost::system::error_code error) {
                         self->is_waiting_ = false;
                         if (error) return self->Close();
                         if (!self->reactor_.is_draining_) self->ReadTurn();
                       });
  }

  // Goes on after a pause.
  void Resume() {
    if (!is_waiting_ && socket_.is_open()) WaitForData();
  }

  // Takes what the kernel holds, without waiting.
  void ReadTurn() {
    for (int i = 0; i < kReadsPerTurn; ++i) {
      if (reactor_.PauseIfBacklogged()) return;  // Resume() comes later
      const ReadResult result = ReadOnce();
      if (result == ReadResult::kClosed) return Close();
      if (result == ReadResult::kEmpty) break;
    }
    if (socket_.is_open()) WaitForData();
  }

  // For the drain: one read. False where there was nothing.
  bool ReadSome() {
    const ReadResult result = ReadOnce();
    if (result == ReadResult::kClosed) Close();
    return result == ReadResult::kData;
  }

  void Close() {
    if (!socket_.is_open()) return;
    boost::system::error_code ignored;  // the peer may be gone
    socket_.close(ignored);
    reactor_.connections_.erase(shared_from_this());
    reactor_.metrics_.connections.Add(-1);
  }

 private:
  enum class ReadResult { kData, kEmpty, kClosed };

  ReadResult ReadOnce() {
    const ssize_t size =
        recv(socket_.native_handle(), reactor_.read_buffer_.get(), kReadBufferBytes, MSG_DONTWAIT);
    if (size > 0) {
      reactor_.metrics_.bytes_received.Increment(static_cast<double>(size));
      cutter_.Feed({reactor_.read_buffer_.get(), static_cast<size_t>(size)}, *reactor_.router_);
      return ReadResult::kData;
    }
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
      return ReadResult::kEmpty;
    }
    return ReadResult::kClosed;
  }

  Reactor& reactor_;
  tcp::socket socket_;
  LineCutter cutter_;
  bool is_waiting_ = false;
};

Reactor::Reactor(int index, const ReactorOptions& options, const std::string& sender,
                 base::Clock& clock, RelayMetrics& metrics, PointRouter::SpoolFinder find_spool)
    : index_(index),
      options_(options),
      sender_(absl::StrCat(sender, "/", index)),
      clock_(clock),
      metrics_(metrics),
      read_buffer_(std::make_unique<char[]>(kReadBufferBytes)) {
  router_ = std::make_unique<PointRouter>(
      options_.router, clock_, metrics_,
      [this](const topology::ShardInfo& shard) {
        return std::make_unique<IngestStream>(shard, sender_, metrics_,
                                              [this] { OnAcknowledged(); });
      },
      std::move(find_spool));
}

Reactor::~Reactor() {
  context_.stop();
  if (thread_.joinable()) thread_.join();
  router_.reset();  // its streams post to the context
}

absl::Status Reactor::Start() {
  PLUMBAGO_RETURN_IF_ERROR(ListenTcp());
  PLUMBAGO_RETURN_IF_ERROR(ListenUdp());
  Accept();
  ReadDatagrams();
  ScheduleTick();
  thread_ = std::thread([this] { context_.run(); });
  pthread_setname_np(thread_.native_handle(), absl::StrCat("reactor-", index_).c_str());
  return absl::OkStatus();
}

absl::Status Reactor::ListenTcp() {
  boost::system::error_code error =
      BindShared(acceptor_, {asio::ip::make_address(options_.tcp.host), options_.tcp.port});
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  return error ? CannotListen(options_.tcp, "TCP", error) : absl::OkStatus();
}

absl::Status Reactor::ListenUdp() {
  boost::system::error_code error =
      BindShared(udp_socket_, {asio::ip::make_address(options_.udp.host), options_.udp.port});
  if (error) return CannotListen(options_.udp, "UDP", error);
  const int descriptor = udp_socket_.native_handle();
  const int on = 1;
  setsockopt(descriptor, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on));
  const int bytes = static_cast<int>(options_.udp_receive_buffer_bytes);
  // The first needs a privilege, the second is cut to net.core.rmem_max.
  if (setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0) {
    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
  }
  return absl::OkStatus();
}

uint16_t Reactor::tcp_port() const { return acceptor_.local_endpoint().port(); }
uint16_t Reactor::udp_port() const { return udp_socket_.local_endpoint().port(); }

void Reactor::SetSnapshot(std::shared_ptr<const topology::Snapshot> snapshot) {
  asio::post(context_, [this, snapshot = std::move(snapshot)] {
    router_->SetSlotMap(snapshot->slot_map());
    const v1::Tenant* tenant = snapshot->FindTenant(options_.router.tenant);
    const bool is_active = tenant != nullptr && tenant->state() == v1::Tenant::ACTIVE;
    router_->SetAdmission(is_active ? PointRouter::Admission::kAccept
                                    : PointRouter::Admission::kRefuse);
    ResumeReading();
  });
}

void Reactor::Accept() {
  acceptor_.async_accept([this](boost::system::error_code error, tcp::socket socket) {
    if (!acceptor_.is_open()) return;
    if (error) return AcceptLater(error);
    Adopt(std::move(socket));
    Accept();
  });
}

// Most likely the process is out of file descriptors: trying again at once would only spin.
void Reactor::AcceptLater(const boost::system::error_code& error) {
  base::LogError(absl::StrCat("cannot accept a connection: ", error.message()));
  accept_timer_.expires_after(absl::ToChronoNanoseconds(kAcceptPause));
  accept_timer_.async_wait([this](boost::system::error_code cancelled) {
    if (!cancelled && acceptor_.is_open()) Accept();
  });
}

void Reactor::Adopt(tcp::socket socket) {
  if (connections_.size() >= options_.connections_max) {
    metrics_.connections_refused.Increment();
    return;  // closes it
  }
  auto connection = std::make_shared<Connection>(*this, std::move(socket));
  connections_.insert(connection);
  metrics_.connections.Add(1);
  connection->WaitForData();
}

// Takes the connections that the kernel has made already, then refuses further ones.
void Reactor::StopListening() {
  for (;;) {
    boost::system::error_code error;
    tcp::socket socket(context_);
    acceptor_.accept(socket, error);
    if (error) break;  // none is waiting
    Adopt(std::move(socket));
  }
  acceptor_.close();
}

void Reactor::ReadDatagrams() {
  if (is_udp_waiting_) return;
  is_udp_waiting_ = true;
  udp_socket_.async_wait(udp::socket::wait_read, [this](boost::system::error_code error) {
    is_udp_waiting_ = false;
    if (error || is_draining_ || !udp_socket_.is_open()) return;
    bool may_read = true;
    for (int i = 0; i < kDatagramsPerTurn; ++i) {
      may_read = MayReadDatagram();
      if (!may_read || !ReceiveDatagram()) break;
    }
    router_->SetFullShards(PointRouter::FullShards::kHold);
    if (may_read) ReadDatagrams();  // else ResumeReading() does
  });
}

// False where the socket is empty.
bool Reactor::ReceiveDatagram() {
  iovec part{.iov_base = read_buffer_.get(), .iov_len = kDatagramBytesMax};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(uint32_t))];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  const ssize_t size = recvmsg(udp_socket_.native_handle(), &message, MSG_DONTWAIT);
  if (size < 0) return false;
  for (cmsghdr* part_header = CMSG_FIRSTHDR(&message); part_header != nullptr;
       part_header = CMSG_NXTHDR(&message, part_header)) {
    if (part_header->cmsg_level != SOL_SOCKET || part_header->cmsg_type != SO_RXQ_OVFL) continue;
    uint32_t lost_count = 0;  // since the socket was opened, modulo 2^32
    std::memcpy(&lost_count, CMSG_DATA(part_header), sizeof(lost_count));
    metrics_.kernel_drops_udp.Increment(static_cast<double>(lost_count - udp_lost_count_));
    udp_lost_count_ = lost_count;
  }
  metrics_.bytes_received.Increment(static_cast<double>(size));
  udp_cutter_.Feed({read_buffer_.get(), static_cast<size_t>(size)}, *router_);
  udp_cutter_.Finish(*router_);
  return true;
}

void Reactor::ScheduleTick() {
  timer_.expires_after(absl::ToChronoNanoseconds(options_.router.batch_delay / 2));
  timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    Tick();
    ScheduleTick();
  });
}

void Reactor::Tick() {
  router_->Tick();
  unacknowledged_bytes_.store(router_->unacknowledged_bytes());
  known_series_.store(router_->known_series());
  ResumeReading();
}

bool Reactor::PauseIfBacklogged() {
  if (!router_->is_backlogged()) return false;
  Pause();
  return true;
}

void Reactor::Pause() {
  if (is_paused_) return;
  is_paused_ = true;
  metrics_.reads_paused.Increment();
  router_->Flush();
}

// A sender of datagrams cannot be made to wait: as long as some shards take points, the points for
// the others are refused and counted.
bool Reactor::MayReadDatagram() {
  const PointRouter::Backlog backlog = router_->backlog();
  if (backlog != PointRouter::Backlog::kNone) Pause();
  if (backlog == PointRouter::Backlog::kAll) return false;
  router_->SetFullShards(backlog == PointRouter::Backlog::kFullShard
                             ? PointRouter::FullShards::kRefuse
                             : PointRouter::FullShards::kHold);
  return true;
}

void Reactor::ResumeReading() {
  if (!is_paused_ || is_draining_ || router_->is_backlogged()) return;
  is_paused_ = false;
  const auto connections = connections_;  // a read may close one
  for (const auto& connection : connections) connection->Resume();
  ReadDatagrams();
}

// On a gRPC thread.
void Reactor::OnAcknowledged() {
  if (is_resume_wanted_.exchange(true)) return;
  asio::post(context_, [this] {
    is_resume_wanted_.store(false);
    ResumeReading();
  });
}

std::future<size_t> Reactor::Drain(absl::Duration deadline) {
  asio::post(context_, [this, deadline] {
    is_draining_ = true;  // from here on only DrainStep reads
    drain_deadline_ = deadline;
    drain_reads_until_ = std::min(deadline, clock_.Monotonic() + kDrainReadsMax);
    timer_.cancel();
    StopListening();
    DrainStep();
  });
  return drained_.get_future();
}

// First empties the sockets and closes them, then waits for the caches, then leaves the rest to the
// spools.
void Reactor::DrainStep() {
  const absl::Duration now = clock_.Monotonic();
  if (drain_reads_until_ > absl::ZeroDuration()) {
    const bool is_empty = TakeWhatSocketsHold();
    if (is_empty || now >= drain_reads_until_) {
      CloseSockets();
      drain_reads_until_ = absl::ZeroDuration();
    }
  }
  router_->Flush();
  router_->Tick();  // a shard that is down now has its points in the spool
  if (now >= drain_deadline_) router_->SpoolEverything();
  const size_t left_bytes = router_->unacknowledged_bytes();
  unacknowledged_bytes_.store(left_bytes);
  const bool is_reading = drain_reads_until_ > absl::ZeroDuration();
  if ((!is_reading && left_bytes == 0) || now >= drain_deadline_) {
    CloseSockets();
    return drained_.set_value(left_bytes);
  }
  timer_.expires_after(absl::ToChronoNanoseconds(kDrainPoll));
  timer_.async_wait([this](boost::system::error_code) { DrainStep(); });
}

// One read of each socket, within the bound on what is in flight. True where all were empty.
bool Reactor::TakeWhatSocketsHold() {
  bool is_empty = true;
  const auto connections = connections_;  // a read may close one
  for (const auto& connection : connections) {
    if (router_->is_backlogged()) return false;
    is_empty = !connection->ReadSome() && is_empty;
  }
  for (int i = 0; i < kDatagramsPerTurn; ++i) {
    if (router_->is_backlogged()) return false;
    if (!ReceiveDatagram()) return is_empty;
  }
  return false;
}

void Reactor::CloseSockets() {
  for (const auto& connection : std::exchange(connections_, {})) connection->Close();
  udp_socket_.close();
}

}  // namespace plumbago::relay
