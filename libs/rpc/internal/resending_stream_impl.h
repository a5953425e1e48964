// The member functions of ResendingStream. Included by resending_stream.h only.
#pragma once

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status.h"
#include "rpc/resending_stream.h"  // IWYU pragma: keep

namespace plumbago::rpc {

// The gRPC call of one connection. The hold keeps it alive for writes that start outside of its
// reactions; it is released when the call is broken and no write is running.
template <typename Item, typename Request, typename Response>
class ResendingStream<Item, Request, Response>::Call final : public Reactor {
 public:
  explicit Call(ResendingStream& owner) : owner_(owner) {
    owner_.Open(&context_, this);
    this->AddHold();
  }

  void Start() {
    this->StartRead(&response_);
    this->StartCall();
  }
  Request& request() { return request_; }
  void Write() { this->StartWrite(&request_); }
  void Cancel() { context_.TryCancel(); }
  void Release() { this->RemoveHold(); }

  void OnWriteDone(bool is_ok) override { owner_.OnWriteDone(is_ok); }
  void OnReadDone(bool is_ok) override {
    if (!is_ok) return owner_.OnReadFailed();
    owner_.OnRead(response_);
    this->StartRead(&response_);
  }
  void OnDone(const grpc::Status& status) override { owner_.OnCallDone(status); }

 private:
  ResendingStream& owner_;
  grpc::ClientContext context_;
  Request request_;
  Response response_;
};

template <typename Item, typename Request, typename Response>
auto ResendingStream<Item, Request, Response>::StopAndTake() -> Items {
  std::unique_ptr<grpc::Alarm> alarm;
  {
    base::MutexLock lock(mutex_);
    is_stopping_ = true;
    alarm = std::move(alarm_);
    if (call_ != nullptr) Break();
  }
  if (alarm != nullptr) alarm->Cancel();
  base::MutexLock lock(mutex_);
  while (call_ != nullptr || is_waiting_ || pumping_count_ > 0) changed_.Wait(lock);
  Items items(std::make_move_iterator(items_.begin()), std::make_move_iterator(items_.end()));
  items_.clear();
  return items;
}

template <typename Item, typename Request, typename Response>
auto ResendingStream<Item, Request, Response>::TakeBack() -> Items {
  Items items = StopAndTake();
  base::MutexLock lock(mutex_);
  is_stopping_ = false;
  is_restarting_ = false;
  is_failing_ = false;
  failure_count_ = 0;
  resend_count_ = 0;
  return items;
}

template <typename Item, typename Request, typename Response>
void ResendingStream<Item, Request, Response>::Connect() {
  call_ = std::make_unique<Call>(*this);
  written_count_ = 0;
  acknowledged_sequence_ = 0;
  is_broken_ = false;
  is_writing_ = Begin(*items_.front(), &call_->request());
  call_->Start();
  if (is_writing_) call_->Write();
}

template <typename Item, typename Request, typename Response>
void ResendingStream<Item, Request, Response>::Break() {
  if (is_broken_) return;
  is_broken_ = true;
  call_->Cancel();
  if (!is_writing_) call_->Release();
}

template <typename Item, typename Request, typename Response>
void ResendingStream<Item, Request, Response>::Pump() {
  Call* call = nullptr;
  const Item* item = nullptr;  // held until acknowledged, which is after the write
  uint64_t sequence = 0;
  {
    base::MutexLock lock(mutex_);
    item = TakeNext(&call, &sequence);
  }
  if (item == nullptr) return;
  Encode(*item, sequence, &call->request());
  call->Write();
}

template <typename Item, typename Request, typename Response>
const Item* ResendingStream<Item, Request, Response>::TakeNext(Call** call, uint64_t* sequence) {
  if (call_ == nullptr || is_writing_ || is_broken_ || written_count_ == items_.size()) {
    return nullptr;
  }
  const Item* item = items_[written_count_].get();
  if (!Fits(*item)) {
    if (written_count_ == 0) {
      is_restarting_ = true;
      Break();
    }
    return nullptr;
  }
  is_writing_ = true;
  ++written_count_;
  *sequence = acknowledged_sequence_ + written_count_;
  *call = call_.get();
  if (resend_count_ > 0) {
    --resend_count_;
    OnResend(*item);
  }
  return item;
}

template <typename Item, typename Request, typename Response>
void ResendingStream<Item, Request, Response>::OnWriteDone(bool is_ok) {
  {
    base::MutexLock lock(mutex_);
    is_writing_ = false;
    if (is_broken_) return call_->Release();
    if (!is_ok) return Break();
  }
  Pump();
}

template <typename Item, typename Request, typename Response>
void ResendingStream<Item, Request, Response>::OnReadFailed() {
  base::MutexLock lock(mutex_);
  Break();
}

template <typename Item, typename Request, typename Response>
void ResendingStream<Item, Request, Response>::OnRead(const Response& response) {
  const uint64_t sequence = AcknowledgedSequence(response);
  Items done;
  bool is_recovered = false;
  {
    base::MutexLock lock(mutex_);
    while (acknowledged_sequence_ < sequence && written_count_ > 0) {
      ++acknowledged_sequence_;
      --written_count_;
      done.push_back(std::move(items_.front()));
      items_.pop_front();
    }
    failure_count_ = 0;
    is_recovered = !done.empty() && std::exchange(is_failing_, false);
  }
  if (is_recovered) base::LogInfo(absl::StrCat(peer_, " is back"));
  OnResponse(response, std::move(done));
  Pump();
}

template <typename Item, typename Request, typename Response>
void ResendingStream<Item, Request, Response>::OnCallDone(const grpc::Status& status) {
  std::unique_ptr<Call> ended;  // destroyed after the lock is released
  base::MutexLock lock(mutex_);
  ended = std::move(call_);
  resend_count_ = std::max(resend_count_, written_count_);
  written_count_ = 0;
  changed_.NotifyAll();
  if (is_stopping_) return;
  const bool is_restart = std::exchange(is_restarting_, false);
  if (items_.empty()) return;
  if (!is_restart && !std::exchange(is_failing_, true)) {
    base::LogWarning(absl::StrCat(peer_, " takes nothing: ", base::Excerpt(status.error_message()),
                                  "; holding and retrying"));
  }
  ScheduleConnect(is_restart ? Backoff::kNone : Backoff::kGrowing);
}

template <typename Item, typename Request, typename Response>
void ResendingStream<Item, Request, Response>::ScheduleConnect(Backoff backoff) {
  constexpr int kFirstMs = 100;
  constexpr int kLastMs = 2'000;
  const int backoff_ms = std::min(kLastMs, kFirstMs << std::min(failure_count_, 5));
  int wait_ms = 0;
  if (backoff == Backoff::kGrowing) {
    wait_ms = std::uniform_int_distribution<int>(backoff_ms / 2, backoff_ms)(jitter_);
    ++failure_count_;
  }
  is_waiting_ = true;
  alarm_ = std::make_unique<grpc::Alarm>();
  alarm_->Set(std::chrono::system_clock::now() + std::chrono::milliseconds(wait_ms), [this](bool) {
    {
      base::MutexLock lock(mutex_);
      is_waiting_ = false;
      changed_.NotifyAll();
      if (is_stopping_ || call_ != nullptr || items_.empty()) return;
      Connect();
      ++pumping_count_;
    }
    Pump();  // where there is no hello, nobody else does
    base::MutexLock lock(mutex_);
    --pumping_count_;
    changed_.NotifyAll();
  });
}

}  // namespace plumbago::rpc
