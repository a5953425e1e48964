#include "foreign_file.h"

#include <boost/asio/post.hpp>
#include <utility>

namespace plumbago::relay {
namespace {

constexpr size_t kPieceBytes = size_t{256} << 10;

}  // namespace

ForeignFile::ForeignFile(boost::asio::io_context& context, LinkParts parts,
                         base::FileSystem& file_system)
    : context_(context),
      parts_(std::move(parts)),
      file_system_(file_system),
      timer_(context),
      encoder_(parts_.endpoint) {}

void ForeignFile::Wake() {
  if (is_wake_posted_.exchange(true)) return;
  boost::asio::post(context_, [self = shared_from_this()] { self->OnWake(); });
}

void ForeignFile::Close() {
  boost::asio::post(context_, [self = shared_from_this()] {
    self->is_closed_ = true;
    self->timer_.cancel();
  });
}

void ForeignFile::OnWake() {
  is_wake_posted_.store(false);
  if (is_closed_ || is_waiting_) return;
  if (WriteBatch()) Wake();  // other files have their turn between
}

bool ForeignFile::WriteBatch() {
  const uint64_t generation = parts_.queue->generation();
  uint64_t refused_points = 0;
  for (size_t next = 0, end = 1; next < end;) {
    piece_.clear();
    // Ends what a failed attempt may have left of a line.
    if (next == 0 && failure_count_ > 0) piece_.push_back('\n');
    {
      const BatchQueue::Loan loan(*parts_.queue, generation, 0);
      if (loan.batch() == nullptr) return false;
      end = loan.batch()->point_count();
      next = encoder_.Encode(*loan.batch(), next, kPieceBytes, &piece_);
      refused_points += encoder_.TakeRefusedCount();
    }
    const absl::Status written =
        piece_.empty() ? absl::OkStatus() : file_system_.Append(parts_.endpoint.host, piece_);
    if (!written.ok()) {
      Fail(written);
      return false;
    }
  }
  const BatchQueue::Accepted accepted = parts_.queue->Accept(generation, 1);
  if (accepted.batch_count == 0) return true;  // it was taken back a moment ago
  failure_count_ = 0;
  parts_.destination.OnLeft(accepted.point_count, accepted.bytes);
  parts_.destination.OnAccepted(accepted.point_count - refused_points);
  if (refused_points > 0) parts_.destination.OnNotWritable(refused_points);
  return true;
}

void ForeignFile::Fail(const absl::Status& why) {
  ++failure_count_;
  parts_.queue->ReportFailure();
  parts_.destination.OnFailure(std::string(why.message()));
  is_waiting_ = true;
  timer_.expires_after(absl::ToChronoNanoseconds(BackoffAfter(failure_count_)));
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code&) {
    self->is_waiting_ = false;
    self->OnWake();
  });
}

}  // namespace plumbago::relay
