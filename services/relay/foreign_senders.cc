#include "foreign_senders.h"

#include <pthread.h>

#include <algorithm>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "foreign_connection.h"
#include "foreign_file.h"
#include "relay/spool_destination.h"

namespace plumbago::relay {
namespace {

constexpr absl::Duration kBackoffMin = absl::Milliseconds(100);
constexpr absl::Duration kBackoffMax = absl::Seconds(5);

// The sender's end of a link.
class ForeignStream final : public BatchStream {
 public:
  ForeignStream(const LinkParts& parts, std::shared_ptr<ForeignLink> link)
      : destination_(parts.destination), queue_(parts.queue), link_(std::move(link)) {}
  ~ForeignStream() override {
    TakeBack();
    link_->Close();
  }

  void Send(std::unique_ptr<Batch> batch) override {
    destination_.OnQueued(batch->point_count(), batch->memory_bytes());
    queue_->Push(std::move(batch));
    link_->Wake();
  }
  size_t unacknowledged_bytes() const override { return queue_->unacknowledged_bytes(); }
  uint64_t acknowledged_count() const override { return queue_->acknowledged_count(); }
  bool is_failing() override { return queue_->is_failing(); }
  std::vector<std::unique_ptr<Batch>> TakeBack() override {
    auto batches = queue_->TakeBack();
    for (const auto& batch : batches) {
      destination_.OnLeft(batch->point_count(), batch->memory_bytes());
    }
    return batches;
  }

 private:
  ForeignDestination& destination_;
  const std::shared_ptr<BatchQueue> queue_;  // shared with the link
  const std::shared_ptr<ForeignLink> link_;  // shared with its own handlers
};

bool IsFile(const routing::Endpoint& endpoint) {
  return endpoint.protocol == routing::Protocol::kFile ||
         endpoint.protocol == routing::Protocol::kFileIp;
}

absl::Status CheckOne(const routing::Endpoint& endpoint) {
  const auto refuse = [&](absl::string_view what) {
    return absl::InvalidArgumentError(
        absl::StrCat("destination ", base::Excerpt(routing::Describe(endpoint)), ": ", what));
  };
  if (endpoint.protocol == routing::Protocol::kFileIp) {
    return refuse(
        "the sender's address is not known any more where points are written; use `file` "
        "without `ip`");
  }
  if (IsFile(endpoint) || endpoint.network == routing::Network::kTcp) return absl::OkStatus();
  if (endpoint.protocol == routing::Protocol::kPickle) {
    return refuse("pickles do not fit into datagrams; use TCP or the plaintext protocol");
  }
  if (endpoint.compression != routing::Compression::kNone ||
      endpoint.encryption != routing::Encryption::kNone) {
    return refuse("compression and TLS need TCP");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Duration BackoffAfter(int failure_count) {
  thread_local std::mt19937 random{std::random_device{}()};
  const absl::Duration whole =
      std::min(kBackoffMax, kBackoffMin * (1 << std::min(failure_count, 10)) / 2);
  return whole * std::uniform_real_distribution<double>(0.5, 1)(random);
}

ForeignSenders::ForeignSenders(const ForeignOptions& options, base::FileSystem& file_system,
                               base::Metrics& metrics, base::Gauge& held)
    : options_(options), file_system_(file_system), metrics_(metrics), points_held_(held) {}

ForeignSenders::~ForeignSenders() {
  sockets_.Stop();
  files_.Stop();
}

absl::Status ForeignSenders::Start() {
  if (!options_.tls_ca_path.empty()) {
    PLUMBAGO_ASSIGN_OR_RETURN(tls_, TlsContext::CreateClient(options_.tls_ca_path));
  }
  sockets_.Start("foreign-net");
  files_.Start("foreign-files");
  return absl::OkStatus();
}

void ForeignSenders::Worker::Start(const char* name) {
  thread = std::thread([this] { context.run(); });
  pthread_setname_np(thread.native_handle(), name);
}

// The links are closed: their last handlers run, and there are no more.
void ForeignSenders::Worker::Stop() {
  work.reset();
  if (thread.joinable()) thread.join();
}

absl::Status ForeignSenders::Check(absl::Span<const routing::Endpoint> endpoints) {
  for (const routing::Endpoint& endpoint : endpoints) {
    PLUMBAGO_RETURN_IF_ERROR(CheckOne(endpoint));
  }
  return absl::OkStatus();
}

std::unique_ptr<BatchStream> ForeignSenders::MakeStream(const routing::Endpoint& endpoint) {
  const LinkParts parts{.endpoint = endpoint,
                        .destination = DestinationOf(endpoint),
                        .queue = std::make_shared<BatchQueue>()};
  if (endpoint.encryption == routing::Encryption::kTls) {
    // The machine's CAs take memory: they are loaded for who needs them.
    base::MutexLock lock(mutex_);
    if (tls_ == nullptr) tls_ = TlsContext::CreateClient("").value();
  }
  std::shared_ptr<ForeignLink> link;
  if (IsFile(endpoint)) {
    link = std::make_shared<ForeignFile>(files_.context, parts, file_system_);
  } else {
    link = std::make_shared<ForeignConnection>(sockets_.context, parts, tls_.get(),
                                               options_.connect_timeout);
  }
  return std::make_unique<ForeignStream>(parts, std::move(link));
}

ForeignDestination& ForeignSenders::DestinationOf(const routing::Endpoint& endpoint) {
  const std::string name = SpoolDestination::OfEndpoint(endpoint).name();
  base::MutexLock lock(mutex_);
  auto& destination = destinations_[name];
  if (destination == nullptr)
    destination = std::make_unique<ForeignDestination>(metrics_, points_held_, name);
  return *destination;
}

std::vector<const ForeignDestination*> ForeignSenders::Destinations() {
  base::MutexLock lock(mutex_);
  std::vector<const ForeignDestination*> all;
  for (const auto& [name, destination] : destinations_) all.push_back(destination.get());
  return all;
}

}  // namespace plumbago::relay
