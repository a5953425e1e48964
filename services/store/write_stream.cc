#include "write_stream.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "rpc/server.h"
#include "write_request.h"

namespace plumbago::store_service {
namespace {

v1::RefusedSeries::Reason ToProto(store::RefusalReason reason) {
  switch (reason) {
    case store::RefusalReason::kInvalidName:
      return v1::RefusedSeries::INVALID_NAME;
    case store::RefusalReason::kCorruptFile:
      return v1::RefusedSeries::CORRUPT_FILE;
    case store::RefusalReason::kOutOfRetention:
      return v1::RefusedSeries::OUT_OF_RETENTION;
    case store::RefusalReason::kWriteFailed:
      return v1::RefusedSeries::WRITE_FAILED;
    case store::RefusalReason::kReadOnly:
      return v1::RefusedSeries::READ_ONLY;
    case store::RefusalReason::kQuota:
      return v1::RefusedSeries::QUOTA;
  }
  return v1::RefusedSeries::REASON_UNSPECIFIED;
}

}  // namespace

std::shared_ptr<WriteStream> WriteStream::Start(store::Store& store, EpochSource epoch) {
  std::shared_ptr<WriteStream> stream(new WriteStream(store, std::move(epoch)));
  stream->self_ = stream;
  stream->session_->SetListener([weak = std::weak_ptr<WriteStream>(stream)] {
    if (const auto live = weak.lock()) live->Advance();
  });
  stream->Advance();
  return stream;
}

void WriteStream::End(const absl::Status& error) {
  {
    base::MutexLock lock(mutex_);
    if (!outcome_.has_value()) outcome_ = error;
  }
  Advance();
}

void WriteStream::OnReadDone(bool ok) {
  const absl::Status status = ok ? Apply() : absl::OkStatus();
  {
    base::MutexLock lock(mutex_);
    is_reading_ = false;
    // Not ok: the peer has sent its last request.
    if ((!ok || !status.ok()) && !outcome_.has_value()) outcome_ = status;
  }
  Advance();
}

void WriteStream::OnWriteDone(bool ok) {
  {
    base::MutexLock lock(mutex_);
    is_writing_ = false;
    is_broken_ = is_broken_ || !ok;
  }
  Advance();
}

void WriteStream::OnCancel() {
  {
    base::MutexLock lock(mutex_);
    is_broken_ = true;
  }
  Advance();
}

void WriteStream::OnDone() {
  // The last reference may be this one: it must not die inside its own call.
  const std::shared_ptr<WriteStream> self = std::move(self_);
}

void WriteStream::Advance() {
  for (;;) {
    Step step;
    {
      base::MutexLock lock(mutex_);
      if (is_advancing_) return;
      step = NextStep();
      if (step == Step::kNone) return;
      is_advancing_ = true;
    }
    Take(step);
    base::MutexLock lock(mutex_);
    is_advancing_ = false;
  }
}

// The flags are set here, under the lock; the call into gRPC follows without it, for gRPC may call
// back before it returns.
WriteStream::Step WriteStream::NextStep() {
  if (is_finished_) return Step::kNone;
  const bool is_idle = session_->is_idle();  // before the progress: then that is the last one
  if (!is_writing_ && !is_broken_) {
    store::WriteSession::Progress progress;
    if (session_->TakeProgress(&progress)) {
      FillResponse(std::move(progress));
      is_writing_ = true;
      return Step::kWrite;
    }
  }
  const bool is_over = outcome_.has_value() && (!outcome_->ok() || is_idle);
  if (!is_writing_ && (is_broken_ || is_over)) {
    is_finished_ = true;
    return Step::kFinish;
  }
  if (!is_reading_ && !is_broken_ && !outcome_.has_value() && !session_->is_full()) {
    is_reading_ = true;
    return Step::kRead;
  }
  return Step::kNone;
}

void WriteStream::Take(Step step) {
  switch (step) {
    case Step::kRead:
      return StartRead(&request_);
    case Step::kWrite:
      return StartWrite(&response_);
    case Step::kFinish: {
      absl::Status outcome;
      {
        base::MutexLock lock(mutex_);
        outcome = outcome_.value_or(absl::CancelledError("the stream is broken"));
      }
      return Finish(rpc::ToGrpc(outcome));
    }
    case Step::kNone:
      return;
  }
}

absl::Status WriteStream::Apply() {
  auto batch = ToBatch(request_, *session_);
  if (!batch.ok()) {
    return absl::Status(batch.status().code(), absl::StrCat("request ", request_.sequence(), ": ",
                                                            batch.status().message()));
  }
  return store_.Submit(session_, *std::move(batch));
}

void WriteStream::FillResponse(store::WriteSession::Progress progress) {
  response_.Clear();
  response_.set_applied_sequence(progress.applied_sequence);
  response_.set_durable_sequence(progress.durable_sequence);
  response_.set_epoch(epoch_());
  static const std::string boot_id = base::MachineBootId();
  response_.set_boot_id(boot_id);
  for (store::RefusedSeries& refused : progress.refused) {
    v1::RefusedSeries* entry = response_.add_refused();
    entry->set_series_id(refused.series_id);
    entry->set_reason(ToProto(refused.reason));
    entry->set_point_count(static_cast<uint32_t>(refused.point_count));
    entry->set_message(std::move(refused.message));
  }
}

}  // namespace plumbago::store_service
