#include "reactor.h"

#include <pthread.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "ingest_stream.h"
#include "relay/router_sink.h"

namespace plumbago::relay {
namespace {

namespace asio = boost::asio;

constexpr absl::Duration kDrainPoll = absl::Milliseconds(10);
// A sender that never pauses must not keep a relay from stopping.
constexpr absl::Duration kDrainReadsMax = absl::Milliseconds(500);
constexpr absl::Duration kSocketCheckInterval = absl::Seconds(1);
constexpr absl::Duration kIdleTick = absl::Milliseconds(500);

}  // namespace

Reactor::Reactor(int index, const ReactorOptions& options, const std::string& sender,
                 const SharedParts& shared, RouterFactories factories)
    : index_(index),
      options_(options),
      sender_(absl::StrCat(sender, "/", index)),
      shared_(shared),
      read_buffer_(std::make_unique<char[]>(kReadBufferBytes)),
      now_(shared.clock.Monotonic()) {
  factories.make_stream = [this](const topology::ShardInfo& shard) {
    return std::make_unique<IngestStream>(shard, sender_, shared_.metrics,
                                          [this] { OnAcknowledged(); });
  };
  router_ = std::make_unique<PointRouter>(options_.router, shared_.clock, shared_.metrics,
                                          std::move(factories));
  if (index_ == 0) statsd_.emplace(options_.statsd, shared_.clock);
}

Reactor::~Reactor() {
  context_.stop();
  if (thread_.joinable()) thread_.join();
  connections_.clear();
  router_.reset();  // its streams post to the context
}

absl::Status Reactor::Start() {
  for (ListenerSpec& spec : options_.listeners) {
    if (index_ == 0 || spec.is_on_every_reactor()) PLUMBAGO_RETURN_IF_ERROR(Listen(spec));
  }
  for (const auto& listener : stream_listeners_) listener->Accept();
  for (const auto& listener : udp_listeners_) listener->Read();
  ScheduleTick();
  thread_ = std::thread([this] { context_.run(); });
  pthread_setname_np(thread_.native_handle(), absl::StrCat("reactor-", index_).c_str());
  return absl::OkStatus();
}

absl::Status Reactor::Listen(ListenerSpec& spec) {
  if (spec.transport == Transport::kUdp) {
    auto listener = std::make_unique<UdpListener>(*this, spec, options_.udp_receive_buffer_bytes);
    PLUMBAGO_RETURN_IF_ERROR(listener->Open());
    spec.address.port = listener->port();
    udp_listeners_.push_back(std::move(listener));
    return absl::OkStatus();
  }
  PLUMBAGO_ASSIGN_OR_RETURN(auto listener, StreamListener::Listen(*this, spec));
  if (spec.transport == Transport::kTcp) spec.address.port = listener->port();
  stream_listeners_.push_back(std::move(listener));
  return absl::OkStatus();
}

void Reactor::SetSnapshot(std::shared_ptr<const topology::Snapshot> snapshot) {
  asio::post(context_, [this, snapshot = std::move(snapshot)] {
    router_->SetSnapshot(snapshot);
    snapshot_version_.store(snapshot->version());
    ResumeReading();
    WakeUp();
  });
}

std::future<void> Reactor::Visit(const std::function<void(PointRouter&)>& visit) {
  auto done = std::make_shared<std::promise<void>>();
  std::future<void> visited = done->get_future();
  asio::post(context_, [this, &visit, done = std::move(done)] {
    visit(*router_);
    done->set_value();
    ResumeReading();
    WakeUp();
  });
  return visited;
}

void Reactor::Adopt(StreamSocket socket, const ListenerSpec& spec,
                    const std::optional<asio::ip::address>& address) {
  std::optional<ConnectionLimits::Place> place =
      shared_.limits.Take(ConnectionLimits::Kind::kTotal, "");
  if (!place.has_value()) {
    shared_.metrics.connections_refused("total").Increment();
    return;  // closes it
  }
  auto connection =
      std::make_shared<Connection>(*this, std::move(socket), spec, address, *std::move(place));
  if (!connection->TakeSourcePlace()) {
    shared_.metrics.connections_refused("source").Increment();
    return;
  }
  connections_.insert(connection);
  shared_.metrics.connections.Add(1);
  connection->WaitForData();
}

void Reactor::Forget(const std::shared_ptr<Connection>& connection) {
  connections_.erase(connection);
  shared_.metrics.connections.Add(-1);
}

void Reactor::BeginReading() {
  has_read_ = true;
  if (is_idle_) WakeUp();
}

// The time of arrival is that of the last tick.
void Reactor::WakeUp() {
  if (is_draining_) return;
  has_read_ = true;
  if (!is_idle_) return;
  Tick();
  is_idle_ = false;
  ScheduleTick();
}

absl::Duration Reactor::TimeToTick() const {
  const absl::Duration soon = options_.router.batch_delay / 2;
  if (!is_idle_) return soon;
  absl::Duration wait = kIdleTick;
  if (StatsdListener() != nullptr) wait = std::min(wait, statsd_->NextFlush() - now_);
  return std::max(wait, soon);
}

void Reactor::ScheduleTick() {
  timer_.expires_after(absl::ToChronoNanoseconds(TimeToTick()));
  timer_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    Tick();
    is_idle_ =
        !std::exchange(has_read_, false) && !is_paused_ && router_->unacknowledged_bytes() == 0;
    ScheduleTick();
  });
}

void Reactor::Tick() {
  now_ = shared_.clock.Monotonic();
  FlushStatsd(StatsdFlush::kIfDue);
  router_->Tick();
  CheckSockets();
  unacknowledged_bytes_.store(router_->unacknowledged_bytes());
  known_series_.store(router_->known_series());
  ResumeReading();
}

void Reactor::CheckSockets() {
  if (now_ < next_socket_check_) return;
  next_socket_check_ = now_ + kSocketCheckInterval;
  for (const auto& listener : udp_listeners_) listener->CountLost();
  if (!is_paused_) CloseIdleConnections();
}

void Reactor::CloseIdleConnections() {
  const auto connections = connections_;
  for (const auto& connection : connections) connection->CloseIfIdle(options_.idle_timeout);
}

const ListenerSpec* Reactor::StatsdListener() const {
  const auto spec =
      std::find_if(options_.listeners.begin(), options_.listeners.end(),
                   [](const auto& each) { return each.protocol == Protocol::kStatsd; });
  return statsd_.has_value() && spec != options_.listeners.end() ? &*spec : nullptr;
}

void Reactor::FlushStatsd(StatsdFlush flush) {
  const ListenerSpec* const spec = StatsdListener();
  if (spec == nullptr) return;
  Source source{.protocol = Protocol::kStatsd};
  if (!spec->tenant.empty()) source.tenant = router_->TenantOf(spec->tenant);
  router_->SetSource(source);
  RouterSink sink(*router_);
  if (flush == StatsdFlush::kIfDue) {
    statsd_->FlushIfDue(sink);
  } else {
    statsd_->Flush(sink);
  }
}

bool Reactor::PauseIfBacklogged() {
  if (!router_->is_backlogged()) return false;
  Pause();
  return true;
}

void Reactor::Pause() {
  if (is_paused_) return;
  is_paused_ = true;
  shared_.metrics.reads_paused.Increment();
  router_->Flush();
}

// A sender of datagrams cannot be made to wait: as long as some shards take points, the points for
// the others are refused and counted.
bool Reactor::MayReadDatagrams() {
  const Backlog backlog = router_->backlog();
  if (backlog != Backlog::kNone) Pause();
  if (backlog == Backlog::kAll) return false;
  router_->SetFullLanes(backlog == Backlog::kFullShard ? FullLanes::kRefuse : FullLanes::kHold);
  return true;
}

void Reactor::ResumeReading() {
  if (!is_paused_ || is_draining_ || router_->is_backlogged()) return;
  is_paused_ = false;
  now_ = shared_.clock.Monotonic();
  const auto connections = connections_;  // a read may close one
  for (const auto& connection : connections) connection->Resume();
  for (const auto& listener : udp_listeners_) listener->Read();
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
    drain_reads_until_ = std::min(deadline, shared_.clock.Monotonic() + kDrainReadsMax);
    timer_.cancel();
    for (const auto& listener : stream_listeners_) listener->Stop();
    DrainStep();
  });
  return drained_.get_future();
}

// First empties the sockets and closes them, then waits for the caches, then leaves the rest to the
// spools.
void Reactor::DrainStep() {
  const absl::Duration now = shared_.clock.Monotonic();
  if (drain_reads_until_ > absl::ZeroDuration()) {
    const bool is_empty = TakeWhatSocketsHold();
    if (is_empty || now >= drain_reads_until_) {
      CloseSockets();
      FlushStatsd(StatsdFlush::kNow);
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
  for (const auto& listener : udp_listeners_) is_empty = listener->TakeAll() && is_empty;
  return is_empty;
}

void Reactor::CloseSockets() {
  for (const auto& connection : std::exchange(connections_, {})) connection->Close();
  for (const auto& listener : udp_listeners_) listener->Close();
}

}  // namespace plumbago::relay
