#include "grpc_event_source.h"

#include <grpcpp/grpcpp.h>

#include <utility>

#include "rpc/server.h"

namespace plumbago::query {
namespace {

constexpr char kPeer[] = "tenant-controller";
constexpr size_t kFoundBytesMax = 64 << 20;

// The context of one call, cancelled with its request.
class CallContext {
 public:
  explicit CallContext(const EventSource::Call& call) : cancellation_(call.cancellation) {
    context_->set_deadline(absl::ToChronoTime(call.deadline));
    if (cancellation_ == nullptr) return;
    id_ = cancellation_->Add([context = context_] { context->TryCancel(); });
  }
  ~CallContext() {
    if (cancellation_ != nullptr) cancellation_->Remove(id_);
  }
  CallContext(const CallContext&) = delete;
  CallContext& operator=(const CallContext&) = delete;

  grpc::ClientContext* get() { return context_.get(); }

 private:
  const std::shared_ptr<base::Cancellation> cancellation_;  // shared with the request
  // Shared with a callback that may still run.
  const std::shared_ptr<grpc::ClientContext> context_ = std::make_shared<grpc::ClientContext>();
  uint64_t id_ = 0;
};

// What is wrong with a request is its client's to read, who need not know who found it.
absl::Status ResultOf(const grpc::Status& status) {
  const absl::Status result = rpc::FromGrpc(status, kPeer);
  if (!absl::IsInvalidArgument(result) && !absl::IsResourceExhausted(result)) return result;
  return absl::Status(result.code(), status.error_message());
}

}  // namespace

GrpcEventSource::GrpcEventSource(const std::string& controller_address)
    : stub_(v1::Events::NewStub(rpc::MakeChannel(controller_address))) {}

absl::StatusOr<v1::Event> GrpcEventSource::Add(const Call& call,
                                               const v1::AddEventRequest& request) {
  CallContext context(call);
  v1::Event event;
  const grpc::Status status = stub_->AddEvent(context.get(), request, &event);
  if (!status.ok()) return ResultOf(status);
  return event;
}

absl::StatusOr<v1::Event> GrpcEventSource::Get(const Call& call,
                                               const v1::GetEventRequest& request) {
  CallContext context(call);
  v1::Event event;
  const grpc::Status status = stub_->GetEvent(context.get(), request, &event);
  if (!status.ok()) return ResultOf(status);
  return event;
}

absl::StatusOr<std::vector<v1::Event>> GrpcEventSource::Find(const Call& call,
                                                             const v1::FindEventsRequest& request) {
  CallContext context(call);
  const auto reader = stub_->FindEvents(context.get(), request);
  std::vector<v1::Event> events;
  size_t bytes = 0;
  v1::FindEventsResponse part;
  while (bytes <= kFoundBytesMax && reader->Read(&part)) {
    bytes += part.ByteSizeLong();
    for (v1::Event& event : *part.mutable_event()) events.push_back(std::move(event));
  }
  if (bytes > kFoundBytesMax) {
    context.get()->TryCancel();
    reader->Finish();
    return absl::ResourceExhaustedError(
        "the events have more than 64 MiB; ask for a shorter range");
  }
  const grpc::Status status = reader->Finish();
  if (!status.ok()) return ResultOf(status);
  return events;
}

}  // namespace plumbago::query
