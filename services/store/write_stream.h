// plumbago.v1.Store.Write: one stream of requests into one session of the store, and its progress
// back.
//
// No thread waits: reading stops while the session is full and goes on when it has progressed. The
// store's threads report progress; each step of the stream is taken by one thread at a time.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "base/mutex.h"
#include "plumbago/v1/store.grpc.pb.h"
#include "store/store.h"

namespace plumbago::store_service {

class WriteStream final : public grpc::ServerBidiReactor<v1::WriteRequest, v1::WriteResponse> {
 public:
  // Starts to read. The stream owns itself until gRPC is done with it. `store` must outlive it.
  static std::shared_ptr<WriteStream> Start(store::Store& store);

  // Sends what is known of the progress, then ends the stream with Unavailable. Call it when the
  // store has drained. Thread-safe.
  void EndForDrain();

 private:
  enum class Step { kNone, kRead, kWrite, kFinish };

  explicit WriteStream(store::Store& store) : store_(store), session_(store.OpenSession()) {}

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  // Takes every step that is possible now, unless another thread is at it: that one looks again
  // after each step.
  void Advance();
  Step NextStep() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Take(Step step);
  absl::Status Apply();
  void FillResponse(store::WriteSession::Progress progress);

  store::Store& store_;
  const std::shared_ptr<store::WriteSession> session_;  // shared with the store
  std::shared_ptr<WriteStream> self_;                   // until OnDone

  // Each owned by gRPC while a read or a write is under way, else by the thread that advances.
  v1::WriteRequest request_;
  v1::WriteResponse response_;

  base::Mutex mutex_;
  bool is_advancing_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_reading_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_finished_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_broken_ ABSL_GUARDED_BY(mutex_) = false;  // nothing can be sent any more
  // Set when no more requests are taken: how the stream will end.
  std::optional<absl::Status> outcome_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace plumbago::store_service
