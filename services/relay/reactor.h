// One thread of the relay: its share of the connections and datagrams, and a router.
//
// Listeners share their port with those of the other reactors (SO_REUSEPORT), so a connection or
// datagram stays on one thread from the socket to the batch. All connections read into one buffer;
// each keeps only an unfinished line or frame. While no shard keeps up, or one has neither memory
// nor a spool left, sockets are left unread and the senders feel it; datagrams, whose senders would
// not, are read as long as only some shards are full, and refused for those. Reactor 0 alone has
// StatsD, whose counters are of all senders together, and Unix sockets.
//
// While points are on the way the reactor looks after batches and shards twice each batch_delay.
// One that has nothing to do sleeps until a socket has something, but for a look each kIdleTick.
//
// Start, SetSnapshot, Drain and the destructor belong to one owner.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "absl/status/status.h"
#include "connection.h"
#include "protocols/statsd_aggregator.h"
#include "reactor_host.h"
#include "relay/point_router.h"
#include "stream_listener.h"
#include "topology/snapshot.h"
#include "udp_listener.h"

namespace plumbago::relay {

struct ReactorOptions {
  std::vector<ListenerSpec> listeners;
  absl::Duration idle_timeout = absl::Minutes(10);     // 0: none
  size_t udp_receive_buffer_bytes = size_t{32} << 20;  // asked of the kernel
  protocols::StatsdOptions statsd;
  RouterOptions router;
};

class Reactor final : public ReactorHost {
 public:
  // `shared` and the spools outlive the reactor. `sender` names the process to the caches. The
  // stream to a shard is the reactor's own and not taken from `factories`.
  Reactor(int index, const ReactorOptions& options, const std::string& sender,
          const SharedParts& shared, RouterFactories factories);
  ~Reactor() override;

  // Unavailable: an address cannot be bound.
  absl::Status Start();

  // Of options.listeners, with the ports in use for those with port 0. After Start.
  const std::vector<ListenerSpec>& listeners() const { return options_.listeners; }

  void SetSnapshot(std::shared_ptr<const topology::Snapshot> snapshot);

  // Runs `visit` on the router, on its thread; the future is ready when it has. `visit` has to live
  // until then. Not after Drain.
  std::future<void> Visit(const std::function<void(PointRouter&)>& visit);

  // Stops listening, takes what the sockets hold (until they are empty, for half a second at most),
  // closes them, sends every batch and waits for the acknowledgements until `deadline` (monotonic);
  // then gives the rest to the spools. The result is the number of bytes that are left, where a
  // shard has no spool; 0 is a clean end.
  std::future<size_t> Drain(absl::Duration deadline);

  // Thread-safe, as of the last tick.
  size_t unacknowledged_bytes() const { return unacknowledged_bytes_.load(); }
  size_t known_series() const { return known_series_.load(); }

  // Of the last snapshot that points are taken by; 0 before the first. Thread-safe.
  uint64_t snapshot_version() const { return snapshot_version_.load(); }

 private:
  // ReactorHost.
  boost::asio::io_context& context() override { return context_; }
  const SharedParts& shared() const override { return shared_; }
  PointRouter& router() override { return *router_; }
  char* read_buffer() override { return read_buffer_.get(); }
  protocols::StatsdAggregator* statsd() override { return statsd_ ? &*statsd_ : nullptr; }
  absl::Duration now() const override { return now_; }
  void BeginReading() override;
  bool PauseIfBacklogged() override;
  bool MayReadDatagrams() override;
  bool is_draining() const override { return is_draining_; }
  void Adopt(StreamSocket socket, const ListenerSpec& spec,
             const std::optional<boost::asio::ip::address>& address) override;
  void Forget(const std::shared_ptr<Connection>& connection) override;

  absl::Status Listen(ListenerSpec& spec);
  bool TakeWhatSocketsHold();
  void CloseSockets();
  void DrainStep();
  // Null where none takes StatsD.
  const ListenerSpec* StatsdListener() const;
  absl::Duration TimeToTick() const;
  void ScheduleTick();
  void Tick();
  // Ticks soon again, after something may have come to the router.
  void WakeUp();
  void CheckSockets();
  void CloseIdleConnections();
  enum class StatsdFlush { kIfDue, kNow };
  void FlushStatsd(StatsdFlush flush);
  void ResumeReading();
  void Pause();
  void OnAcknowledged();

  const int index_;
  ReactorOptions options_;  // its listeners never move
  const std::string sender_;
  const SharedParts shared_;

  boost::asio::io_context context_{1};
  boost::asio::steady_timer timer_{context_};
  std::thread thread_;

  // Owned by the thread.
  std::unique_ptr<PointRouter> router_;
  std::unique_ptr<char[]> read_buffer_;
  std::optional<protocols::StatsdAggregator> statsd_;  // of reactor 0
  std::vector<std::unique_ptr<StreamListener>> stream_listeners_;
  std::vector<std::unique_ptr<UdpListener>> udp_listeners_;
  std::unordered_set<std::shared_ptr<Connection>> connections_;
  absl::Duration now_;
  absl::Duration next_socket_check_;
  bool is_idle_ = false;  // the next tick is far away
  bool has_read_ = true;  // since the last tick
  bool is_paused_ = false;
  bool is_draining_ = false;
  absl::Duration drain_reads_until_;
  absl::Duration drain_deadline_;
  std::promise<size_t> drained_;

  std::atomic<bool> is_resume_wanted_{false};
  std::atomic<size_t> unacknowledged_bytes_{0};
  std::atomic<size_t> known_series_{0};
  std::atomic<uint64_t> snapshot_version_{0};
};

}  // namespace plumbago::relay
