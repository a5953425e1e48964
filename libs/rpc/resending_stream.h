// A client's bidirectional stream that survives its connection: items are written in order, held
// until the server acknowledges them by sequence, and written again after a reconnect.
//
// Derived classes say how to open the call, how to encode an item and what to do with a response.
// Sequences count from 1 on each connection. The stream connects with its first item, reconnects
// with backoff and jitter (100 ms .. 2 s) for as long as items are held, and says in the log once
// when an outage begins and ends. The caller bounds what it sends.
//
// Send(), TakeBack() and Stop() belong to one thread. The virtual functions are called on gRPC's
// threads or in Send(), never two of them at once except OnResponse, which may run beside Encode.
#pragma once

#include <grpcpp/alarm.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/support/client_callback.h>

#include <deque>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace plumbago::rpc {

template <typename Item, typename Request, typename Response>
class ResendingStream {
 public:
  using Reactor = grpc::ClientBidiReactor<Request, Response>;
  using Items = std::vector<std::unique_ptr<Item>>;

  // `peer` names the server in log lines, as in "cache of shard a at 127.0.0.1:7600".
  explicit ResendingStream(std::string peer) : peer_(std::move(peer)) {}
  virtual ~ResendingStream() = default;

  void Send(std::unique_ptr<Item> item) {
    {
      base::MutexLock lock(mutex_);
      items_.push_back(std::move(item));
      if (call_ == nullptr && !is_waiting_) Connect();
    }
    Pump();
  }

  // Ends the connection, waits for that (no network is waited for), and gives back what is not
  // acknowledged, in order. The next Send() connects anew.
  Items TakeBack();

  // Cancels the call and waits for its end; held items are dropped. A derived class calls it in its
  // destructor, before its own members go.
  void Stop() { StopAndTake(); }

  // Whether the last connection failed and nothing has been acknowledged or taken back since.
  // Thread-safe.
  bool is_failing() {
    base::MutexLock lock(mutex_);
    return is_failing_;
  }

 protected:
  // Starts the call on `reactor`: stub->async()->Method(context, reactor).
  virtual void Open(grpc::ClientContext* context, Reactor* reactor) = 0;
  // A connection begins, `first` is the first item on it: forget what the last one was told. Fills
  // the message to write ahead of the items, or returns false where there is none.
  virtual bool Begin(const Item& first, Request* hello) = 0;
  // Whether the item can go on this connection. False: a new one is made once everything before the
  // item is acknowledged.
  virtual bool Fits(const Item& item) = 0;
  // `request` holds the last message and has to be overwritten.
  virtual void Encode(const Item& item, uint64_t sequence, Request* request) = 0;
  virtual uint64_t AcknowledgedSequence(const Response& response) = 0;
  // `done` are the items that the response acknowledges.
  virtual void OnResponse(const Response& response, Items done) = 0;
  // An item is written a second time.
  virtual void OnResend(const Item&) {}

 private:
  class Call;

  Items StopAndTake();
  void Connect() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  enum class Backoff { kNone, kGrowing };
  void ScheduleConnect(Backoff backoff) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Ends the call, once; OnCallDone follows.
  void Break() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Writes the next item if there is one and nothing else is being written.
  void Pump();
  // What Pump has to write, or null.
  const Item* TakeNext(Call** call, uint64_t* sequence) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  void OnWriteDone(bool is_ok);
  void OnReadFailed();
  void OnRead(const Response& response);
  void OnCallDone(const grpc::Status& status);

  const std::string peer_;

  base::Mutex mutex_;
  base::CondVar changed_;
  std::deque<std::unique_ptr<Item>> items_ ABSL_GUARDED_BY(mutex_);  // not acknowledged, in order
  size_t written_count_ ABSL_GUARDED_BY(mutex_) = 0;                 // of items_, on this call
  uint64_t acknowledged_sequence_ ABSL_GUARDED_BY(mutex_) = 0;       // of this call
  size_t resend_count_ ABSL_GUARDED_BY(mutex_) = 0;                  // items already written once
  std::unique_ptr<Call> call_ ABSL_GUARDED_BY(mutex_);               // null while not connected
  bool is_writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_broken_ ABSL_GUARDED_BY(mutex_) = false;      // the call ends: write nothing to it
  bool is_restarting_ ABSL_GUARDED_BY(mutex_) = false;  // broken on purpose: connect at once
  bool is_waiting_ ABSL_GUARDED_BY(mutex_) = false;     // for the backoff
  int pumping_count_ ABSL_GUARDED_BY(mutex_) = 0;       // alarms that have connected and now write
  bool is_stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_failing_ ABSL_GUARDED_BY(mutex_) = false;  // said in the log
  int failure_count_ ABSL_GUARDED_BY(mutex_) = 0;
  std::mt19937 jitter_ ABSL_GUARDED_BY(mutex_){std::random_device{}()};
  std::unique_ptr<grpc::Alarm> alarm_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace plumbago::rpc

#include "rpc/internal/resending_stream_impl.h"
