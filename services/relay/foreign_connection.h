// A ForeignLink over TCP, TLS or UDP: connects when there is something to send, writes batches one
// after the other, and accepts them when the peer's kernel has acknowledged their bytes (UDP: when
// they are written). After a broken connection what is not accepted is written again, on a new one,
// with backoff. The peer is read all the time, so that its end is known before the next write.
//
// Batches that were taken back leave the connection as it is: one that hangs must not be followed
// by others, whose bytes would vanish in the peer's buffers.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "foreign_link.h"
#include "peer_socket.h"
#include "relay/batch_encoder.h"

namespace plumbago::relay {

class ForeignConnection final : public ForeignLink,
                                public std::enable_shared_from_this<ForeignConnection> {
 public:
  // `context` must outlive it. `tls` may be null unless the endpoint says TLS.
  ForeignConnection(boost::asio::io_context& context, LinkParts parts, TlsContext* tls,
                    absl::Duration connect_timeout);
  ~ForeignConnection() override;

  void Wake() override;
  void Close() override;

 private:
  using ErrorCode = boost::system::error_code;
  using Addresses = boost::asio::ip::tcp::resolver::results_type;

  enum class State {
    kIdle,
    kConnecting,  // from the name to the end of the handshake
    kOpen,
    kWaiting,  // for the backoff
    kClosed,
  };
  // A batch that is written as a whole.
  struct Mark {
    uint64_t end_bytes;  // of the connection
    uint64_t refused_points;
  };

  void OnWake();
  void FollowGeneration();
  void Connect();
  void OnResolved(const ErrorCode& error, Addresses addresses);
  void ConnectNext(absl::Status last_failure);
  void WaitForConnect(PeerSocket::Progress progress);
  void OnConnectEvent();
  void OnOpen();

  void WaitReadable();
  void OnReadable();
  void WaitWritable();
  void Pump();
  // False where there is nothing to write.
  bool EncodePiece();
  void Collect();
  void PollLater();

  // The connection is lost.
  void Break(const absl::Status& why);
  void Fail(const absl::Status& why);
  void Disconnect();
  // `handler()` unless the connection is another one by then.
  template <typename Handler>
  void Wait(PeerSocket::Progress progress, Handler handler);
  template <typename Handler>
  void After(absl::Duration delay, Handler handler);
  void CancelTimer();

  boost::asio::io_context& context_;
  const LinkParts parts_;
  TlsContext* const tls_;
  const absl::Duration connect_timeout_;
  std::atomic<bool> is_wake_posted_{false};

  // Of the I/O thread.
  State state_ = State::kIdle;
  boost::asio::ip::tcp::resolver resolver_;
  boost::asio::steady_timer timer_;  // connect timeout, backoff, or the next look at what arrived
  uint64_t attempt_ = 0;             // handlers of earlier ones do nothing
  uint64_t timer_count_ = 0;         // nor do those of earlier waits for the timer
  int failure_count_ = 0;            // since something was accepted
  Addresses addresses_;
  Addresses::const_iterator next_address_;

  // Of the connection.
  std::unique_ptr<PeerSocket> socket_;
  std::optional<boost::asio::posix::stream_descriptor> readiness_;  // waits, and owns nothing
  std::optional<BatchEncoder> encoder_;
  std::string piece_;
  size_t piece_written_ = 0;
  bool is_batch_end_ = false;  // the piece is the last one of its batch
  uint64_t refused_points_ = 0;
  size_t next_point_ = 0;   // of the batch that is being written, which is the one
  std::deque<Mark> marks_;  // behind these
  uint64_t generation_ = 0;
  size_t written_before_ = 0;  // batches that an earlier connection wrote
  bool is_waiting_writable_ = false;
  bool is_polling_ = false;
  absl::Duration poll_delay_;
};

}  // namespace plumbago::relay
