// One thread of the relay: its share of the TCP connections and UDP datagrams, and a router.
//
// Listeners share their port with those of the other reactors (SO_REUSEPORT), so a connection or
// datagram stays on one thread from the socket to the batch. All connections read into one buffer;
// each keeps only an unfinished line. While no shard keeps up, or one has neither memory nor a
// spool left, sockets are left unread and the senders feel it; datagrams, whose senders would not,
// are read as long as only some shards are full, and refused for those.
//
// Start, SetSnapshot, Drain and the destructor belong to one owner.
#pragma once

#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "absl/status/status.h"
#include "http/address.h"
#include "relay/point_router.h"
#include "topology/snapshot.h"

namespace plumbago::relay {

struct ReactorOptions {
  http::Address tcp;
  http::Address udp;
  size_t connections_max = 10'000;                    // of this reactor
  size_t udp_receive_buffer_bytes = size_t{8} << 20;  // asked of the kernel
  RouterOptions router;
};

class Reactor {
 public:
  // `clock`, `metrics` and the spools must outlive the reactor. `sender` names the process to the
  // caches.
  Reactor(int index, const ReactorOptions& options, const std::string& sender, base::Clock& clock,
          RelayMetrics& metrics, PointRouter::SpoolFinder find_spool);
  ~Reactor();

  // Unavailable: an address cannot be bound.
  absl::Status Start();

  // The ports in use, for options with port 0. After Start.
  uint16_t tcp_port() const;
  uint16_t udp_port() const;

  void SetSnapshot(std::shared_ptr<const topology::Snapshot> snapshot);

  // Stops listening, takes what the sockets hold (until they are empty, for half a second at most),
  // closes them, sends every batch and waits for the acknowledgements until `deadline` (monotonic);
  // then gives the rest to the spools. The result is the number of bytes that are left, where a
  // shard has no spool; 0 is a clean end.
  std::future<size_t> Drain(absl::Duration deadline);

  // Thread-safe, as of the last tick.
  size_t unacknowledged_bytes() const { return unacknowledged_bytes_.load(); }
  size_t known_series() const { return known_series_.load(); }

 private:
  class Connection;

  absl::Status ListenTcp();
  absl::Status ListenUdp();
  void Accept();
  void AcceptLater(const boost::system::error_code& error);
  void Adopt(boost::asio::ip::tcp::socket socket);
  void StopListening();
  bool TakeWhatSocketsHold();
  void CloseSockets();
  void DrainStep();
  void ReadDatagrams();
  bool ReceiveDatagram();
  void ScheduleTick();
  void Tick();
  void ResumeReading();
  bool PauseIfBacklogged();
  void Pause();
  bool MayReadDatagram();
  void OnAcknowledged();

  const int index_;
  const ReactorOptions options_;
  const std::string sender_;
  base::Clock& clock_;
  RelayMetrics& metrics_;

  boost::asio::io_context context_{1};
  boost::asio::ip::tcp::acceptor acceptor_{context_};
  boost::asio::ip::udp::socket udp_socket_{context_};
  boost::asio::steady_timer timer_{context_};
  boost::asio::steady_timer accept_timer_{context_};
  std::thread thread_;

  // Owned by the thread.
  std::unique_ptr<PointRouter> router_;
  std::unique_ptr<char[]> read_buffer_;
  std::unordered_set<std::shared_ptr<Connection>> connections_;
  LineCutter udp_cutter_;
  bool is_udp_waiting_ = false;
  uint32_t udp_lost_count_ = 0;  // the kernel's own count
  bool is_paused_ = false;
  bool is_draining_ = false;
  absl::Duration drain_reads_until_;
  absl::Duration drain_deadline_;
  std::promise<size_t> drained_;

  std::atomic<bool> is_resume_wanted_{false};
  std::atomic<size_t> unacknowledged_bytes_{0};
  std::atomic<size_t> known_series_{0};
};

}  // namespace plumbago::relay
