#include "foreign_connection.h"

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"

namespace plumbago::relay {
namespace {

namespace asio = boost::asio;

constexpr size_t kPieceBytes = size_t{64} << 10;
// What a network without jumbo frames carries in one packet, headers taken off.
constexpr size_t kDatagramBytes = 1400;
// Written in one go: other connections share the thread.
constexpr int kPiecesPerTurn = 8;
constexpr absl::Duration kPollMin = absl::Milliseconds(2);
constexpr absl::Duration kPollMax = absl::Milliseconds(50);

}  // namespace

ForeignConnection::ForeignConnection(asio::io_context& context, LinkParts parts, TlsContext* tls,
                                     absl::Duration connect_timeout)
    : context_(context),
      parts_(std::move(parts)),
      tls_(tls),
      connect_timeout_(connect_timeout),
      resolver_(context),
      timer_(context) {}

ForeignConnection::~ForeignConnection() { Disconnect(); }

void ForeignConnection::Wake() {
  if (is_wake_posted_.exchange(true)) return;
  asio::post(context_, [self = shared_from_this()] { self->OnWake(); });
}

void ForeignConnection::Close() {
  asio::post(context_, [self = shared_from_this()] {
    self->Disconnect();
    self->state_ = State::kClosed;
  });
}

void ForeignConnection::OnWake() {
  is_wake_posted_.store(false);
  if (state_ == State::kIdle && !parts_.queue->is_empty()) Connect();
  if (state_ == State::kOpen) Pump();
}

// Where the batches were taken back, what was said of them is void.
void ForeignConnection::FollowGeneration() {
  const uint64_t generation = parts_.queue->generation();
  if (std::exchange(generation_, generation) == generation) return;
  marks_.clear();
  next_point_ = 0;
  is_batch_end_ = false;
  refused_points_ = 0;
  written_before_ = 0;
}

// ---- connecting ----

void ForeignConnection::Connect() {
  state_ = State::kConnecting;
  const uint64_t attempt = ++attempt_;
  resolver_.async_resolve(
      parts_.endpoint.host, std::to_string(parts_.endpoint.port),
      [self = shared_from_this(), attempt](const ErrorCode& error, Addresses addresses) {
        if (attempt == self->attempt_) self->OnResolved(error, std::move(addresses));
      });
  After(connect_timeout_,
        [this] { Fail(absl::UnavailableError("its name could not be resolved in time")); });
}

void ForeignConnection::OnResolved(const ErrorCode& error, Addresses addresses) {
  if (error) return Fail(absl::UnavailableError(absl::StrCat("resolve: ", error.message())));
  addresses_ = std::move(addresses);
  next_address_ = addresses_.begin();
  ConnectNext(absl::UnavailableError("its name has no address"));
}

void ForeignConnection::ConnectNext(absl::Status last_failure) {
  while (next_address_ != addresses_.end()) {
    const asio::ip::tcp::endpoint address = next_address_->endpoint();
    ++next_address_;
    Disconnect();
    auto socket = PeerSocket::Connect(parts_.endpoint, address.data(),
                                      static_cast<socklen_t>(address.size()), tls_);
    if (!socket.ok()) {
      last_failure = socket.status();
      continue;
    }
    socket_ = *std::move(socket);
    readiness_.emplace(context_, socket_->descriptor());
    After(connect_timeout_,
          [this] { ConnectNext(absl::UnavailableError("it could not be reached in time")); });
    return WaitForConnect(PeerSocket::Progress::kWantsWrite);
  }
  Fail(last_failure);
}

void ForeignConnection::WaitForConnect(PeerSocket::Progress progress) {
  Wait(progress, [this] { OnConnectEvent(); });
}

void ForeignConnection::OnConnectEvent() {
  const auto progress = socket_->ContinueConnect();
  if (!progress.ok()) return ConnectNext(progress.status());
  if (*progress != PeerSocket::Progress::kDone) return WaitForConnect(*progress);
  OnOpen();
}

void ForeignConnection::OnOpen() {
  state_ = State::kOpen;
  CancelTimer();
  parts_.destination.connects.Increment();
  parts_.destination.connections.Add(1);
  encoder_.emplace(parts_.endpoint);
  WaitReadable();
  Pump();
}

// ---- connected ----

void ForeignConnection::WaitReadable() {
  Wait(PeerSocket::Progress::kWantsRead, [this] { OnReadable(); });
}

void ForeignConnection::OnReadable() {
  std::array<char, 4096> answer;
  for (;;) {
    const auto size = socket_->Read(answer.data(), answer.size());
    if (!size.ok()) return Break(size.status());
    if (*size == 0) break;
    parts_.destination.OnAnswer(absl::string_view(answer.data(), *size));
  }
  WaitReadable();
  if (piece_written_ < piece_.size()) Pump();  // TLS may have waited for the peer to speak
}

void ForeignConnection::WaitWritable() {
  if (std::exchange(is_waiting_writable_, true)) return;
  Wait(PeerSocket::Progress::kWantsWrite, [this] {
    is_waiting_writable_ = false;
    Pump();
  });
}

void ForeignConnection::Pump() {
  if (is_waiting_writable_) return;
  for (int turn = 0; piece_written_ < piece_.size() || EncodePiece();) {
    const auto count = socket_->Write(absl::string_view(piece_).substr(piece_written_));
    if (!count.ok()) return Break(count.status());
    if (*count == 0) {
      WaitWritable();
      break;
    }
    piece_written_ += *count;
    if (piece_written_ < piece_.size()) continue;
    if (std::exchange(is_batch_end_, false)) {
      marks_.push_back({socket_->written_bytes(), std::exchange(refused_points_, 0)});
    }
    if (++turn == kPiecesPerTurn) {
      Wake();
      break;
    }
  }
  Collect();
  PollLater();
}

bool ForeignConnection::EncodePiece() {
  FollowGeneration();
  piece_.clear();
  piece_written_ = 0;
  const bool is_datagram = parts_.endpoint.network == routing::Network::kUdp;
  while (piece_.empty()) {
    const BatchQueue::Loan loan(*parts_.queue, generation_, marks_.size());
    if (loan.batch() == nullptr) return false;
    if (next_point_ == 0 && written_before_ > 0) {
      --written_before_;
      parts_.destination.resent_batches.Increment();
    }
    next_point_ = encoder_->Encode(*loan.batch(), next_point_,
                                   is_datagram ? kDatagramBytes : kPieceBytes, &piece_);
    refused_points_ += encoder_->TakeRefusedCount();
    is_batch_end_ = next_point_ == loan.batch()->point_count();
    if (!is_batch_end_) continue;
    next_point_ = 0;
    if (!piece_.empty()) break;
    // Nothing of it, or nothing of its end, can be written.
    is_batch_end_ = false;
    marks_.push_back({socket_->written_bytes(), std::exchange(refused_points_, 0)});
  }
  return true;
}

// Accepts what has arrived.
void ForeignConnection::Collect() {
  if (marks_.empty()) return;
  FollowGeneration();
  const uint64_t accepted_bytes = socket_->accepted_bytes();
  size_t count = 0;
  uint64_t refused_points = 0;
  while (count < marks_.size() && marks_[count].end_bytes <= accepted_bytes) {
    refused_points += marks_[count].refused_points;
    ++count;
  }
  if (count == 0) return;
  const BatchQueue::Accepted accepted = parts_.queue->Accept(generation_, count);
  if (accepted.batch_count == 0) return;  // they were taken back a moment ago
  marks_.erase(marks_.begin(), marks_.begin() + static_cast<ptrdiff_t>(count));
  failure_count_ = 0;
  poll_delay_ = kPollMin;
  parts_.destination.OnLeft(accepted.point_count, accepted.bytes);
  parts_.destination.OnAccepted(accepted.point_count - refused_points);
  if (refused_points > 0) parts_.destination.OnNotWritable(refused_points);
}

// The kernel does not say when the peer's acknowledges: it is asked again, soon at first.
void ForeignConnection::PollLater() {
  if (marks_.empty() || std::exchange(is_polling_, true)) return;
  poll_delay_ = std::clamp(poll_delay_, kPollMin, kPollMax);
  After(poll_delay_, [this] {
    is_polling_ = false;
    poll_delay_ *= 2;
    Collect();
    PollLater();
  });
}

// ---- failing ----

void ForeignConnection::Break(const absl::Status& why) {
  Collect();
  FollowGeneration();
  written_before_ = marks_.size();
  Fail(why);
}

void ForeignConnection::Fail(const absl::Status& why) {
  Disconnect();
  state_ = State::kIdle;
  if (parts_.queue->is_empty()) return;  // nobody minds: a peer may end idle connections
  state_ = State::kWaiting;
  ++failure_count_;
  parts_.queue->ReportFailure();
  parts_.destination.OnFailure(std::string(why.message()));
  After(BackoffAfter(failure_count_), [this] {
    state_ = State::kIdle;
    OnWake();
  });
}

void ForeignConnection::Disconnect() {
  ++attempt_;
  if (state_ == State::kOpen) parts_.destination.connections.Add(-1);
  if (state_ == State::kOpen) state_ = State::kIdle;
  resolver_.cancel();
  CancelTimer();
  if (readiness_.has_value()) readiness_->release();
  readiness_.reset();
  socket_.reset();
  encoder_.reset();
  piece_.clear();
  piece_written_ = 0;
  is_batch_end_ = false;
  refused_points_ = 0;
  next_point_ = 0;
  marks_.clear();
  is_waiting_writable_ = false;
  is_polling_ = false;
}

template <typename Handler>
void ForeignConnection::Wait(PeerSocket::Progress progress, Handler handler) {
  const auto what = progress == PeerSocket::Progress::kWantsRead
                        ? asio::posix::stream_descriptor::wait_read
                        : asio::posix::stream_descriptor::wait_write;
  readiness_->async_wait(
      what, [self = shared_from_this(), attempt = attempt_, handler](const ErrorCode& error) {
        if (!error && attempt == self->attempt_) handler();
      });
}

template <typename Handler>
void ForeignConnection::After(absl::Duration delay, Handler handler) {
  CancelTimer();
  timer_.expires_after(absl::ToChronoNanoseconds(delay));
  timer_.async_wait(
      [self = shared_from_this(), count = timer_count_, handler](const ErrorCode& error) {
        if (!error && count == self->timer_count_) handler();
      });
}

// One that has run out already has its handler queued.
void ForeignConnection::CancelTimer() {
  ++timer_count_;
  timer_.cancel();
}

}  // namespace plumbago::relay
