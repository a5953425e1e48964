#include "grpc_shard_client.h"

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "plumbago/v1/cache.grpc.pb.h"
#include "plumbago/v1/store.grpc.pb.h"
#include "plumbago/v1/store_admin.grpc.pb.h"
#include "rpc/server.h"
#include "shard_answers.h"

namespace plumbago::query {
namespace {

// What a call reports to.
struct Observers {
  base::Histogram& ok;
  base::Histogram& timeout;
  base::Histogram& error;
  base::Clock& clock;
  std::shared_ptr<CallsInFlight> calls;  // shared with all calls

  void Observe(const absl::Status& status, absl::Duration taken) const {
    const bool is_late = absl::IsDeadlineExceeded(status);
    base::Histogram& histogram = status.ok() ? ok : is_late ? timeout : error;
    histogram.Observe(absl::ToDoubleSeconds(taken));
  }
};

// Faults of the request are the user's to read, who need not know who found them.
absl::Status ResultOf(const grpc::Status& status, const std::string& peer) {
  const bool is_of_request = status.error_code() == grpc::StatusCode::INVALID_ARGUMENT ||
                             status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED;
  if (!is_of_request) return rpc::FromGrpc(status, peer);
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

// One server-streaming call. Owns itself from Start() until the call is over.
template <typename Request, typename Response, typename T>
class ReadCall final : public grpc::ClientReadReactor<Response> {
 public:
  // Appends the items of a response. An error ends the call and is its result.
  using Take = std::function<absl::Status(Response&, std::vector<T>&)>;

  ReadCall(std::string peer, Observers observers, Take take, ShardClient::Done<T> done)
      : peer_(std::move(peer)),
        observers_(std::move(observers)),
        begin_(observers_.clock.Monotonic()),
        take_(std::move(take)),
        done_(std::move(done)) {}

  // `open` starts the call on the stub with this object's context and request.
  template <typename Open>
  void Start(const ShardCall& call, const Open& open) {
    observers_.calls->Begin();
    context_->set_deadline(absl::ToChronoTime(call.deadline));
    on_progress_ = call.on_progress;
    open(context_.get(), &request, this);
    this->StartRead(&response_);
    if (call.cancellation != nullptr) {
      cancellation_ = call.cancellation;
      cancellation_id_ = cancellation_->Add([context = context_] { context->TryCancel(); });
    }
    this->StartCall();
  }

  Request request;

 private:
  void OnReadDone(bool is_ok) override {
    if (!is_ok) return;
    if (on_progress_ != nullptr) on_progress_();
    if (status_.ok()) {
      status_ = take_(response_, items_);
      if (!status_.ok()) context_->TryCancel();
    }
    response_.Clear();
    this->StartRead(&response_);
  }

  void OnDone(const grpc::Status& status) override {
    if (cancellation_ != nullptr) cancellation_->Remove(cancellation_id_);
    if (status_.ok()) status_ = ResultOf(status, peer_);
    observers_.Observe(status_, observers_.clock.Monotonic() - begin_);
    if (status_.ok()) {
      done_(std::move(items_));
    } else {
      done_(status_);
    }
    const std::shared_ptr<CallsInFlight> calls = observers_.calls;
    delete this;
    calls->End();
  }

  const std::string peer_;
  const Observers observers_;
  const absl::Duration begin_;
  const Take take_;
  const ShardClient::Done<T> done_;
  const std::shared_ptr<grpc::ClientContext> context_ =
      std::make_shared<grpc::ClientContext>();  // shared with the cancellation's callback
  std::function<void()> on_progress_;
  std::shared_ptr<base::Cancellation> cancellation_;  // of the request
  uint64_t cancellation_id_ = 0;
  Response response_;
  std::vector<T> items_;
  absl::Status status_;
};

// What a call with one response lives on, shared with its completion.
template <typename Request, typename Response>
struct SingleCall {
  grpc::ClientContext context;
  Request request;
  Response response;
};

// grpc.health.v1.Health/Check of a whole server. Owns itself until the call is over. The messages
// are of one field, read and written as bytes.
class HealthProbe {
 public:
  static void Start(const std::shared_ptr<grpc::Channel>& channel, const std::string& peer,
                    absl::Time deadline, std::shared_ptr<CallsInFlight> calls,
                    std::function<void(absl::Status)> done) {
    auto* probe = new HealthProbe(channel);
    calls->Begin();
    probe->context_.set_deadline(absl::ToChronoTime(deadline));
    probe->stub_.UnaryCall(
        &probe->context_, "/grpc.health.v1.Health/Check", {}, &probe->request_, &probe->response_,
        [probe, peer, calls = std::move(calls), done = std::move(done)](grpc::Status status) {
          done(status.ok() ? probe->ResultFrom(peer) : rpc::FromGrpc(status, peer));
          delete probe;
          calls->End();
        });
  }

 private:
  explicit HealthProbe(const std::shared_ptr<grpc::Channel>& channel) : stub_(channel) {
    const grpc::Slice nothing;
    request_ = grpc::ByteBuffer(&nothing, 1);
  }

  absl::Status ResultFrom(const std::string& peer) {
    std::vector<grpc::Slice> slices;
    std::string bytes;
    if (response_.Dump(&slices).ok()) {
      for (const grpc::Slice& slice : slices) {
        bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
      }
    }
    // Field 1, status: SERVING.
    if (bytes == std::string("\x08\x01")) return absl::OkStatus();
    return absl::UnavailableError(absl::StrCat(peer, " says that it is not serving"));
  }

  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
};

template <typename Request>
void FillMetrics(const ShardCall& call, const std::vector<std::string>& metrics,
                 const FetchRange& range, Request& request) {
  request.set_tenant(call.tenant);
  request.set_epoch(call.epoch);
  request.mutable_metric()->Reserve(static_cast<int>(metrics.size()));
  for (const std::string& metric : metrics) request.add_metric(metric);
  request.set_from(static_cast<uint32_t>(range.from));
  request.set_until(static_cast<uint32_t>(range.until));
}

v1::ReduceRequest::Aggregation ToProto(functions::Aggregation aggregation) {
  switch (aggregation) {
    case functions::Aggregation::kMinimum:
      return v1::ReduceRequest::MIN;
    case functions::Aggregation::kMaximum:
      return v1::ReduceRequest::MAX;
    case functions::Aggregation::kRange:
      return v1::ReduceRequest::RANGE;
    case functions::Aggregation::kCount:
      return v1::ReduceRequest::COUNT;
    case functions::Aggregation::kLast:
      return v1::ReduceRequest::LAST;
    case functions::Aggregation::kStandardDeviation:
      return v1::ReduceRequest::STDDEV;
    default:  // averages are made of sums and counts
      return v1::ReduceRequest::SUM;
  }
}

void FillGroups(const ReduceQuestion& question, v1::ReduceRequest& request) {
  request.set_tail_from(static_cast<uint32_t>(question.tail_from));
  for (const ReduceQuestion::Group& group : question.groups) {
    v1::ReduceRequest::Group* added = request.add_group();
    added->set_aggregation(ToProto(group.aggregation));
    added->mutable_metric()->Reserve(static_cast<int>(group.metrics.size()));
    for (const std::string& metric : group.metrics) added->add_metric(metric);
    added->mutable_place()->Add(group.places.begin(), group.places.end());
    added->mutable_late()->Add(group.late.begin(), group.late.end());
  }
}

class GrpcShardClient final : public ShardClient {
 public:
  GrpcShardClient(const topology::ShardInfo& shard, QueryMetrics& metrics, base::Clock& clock,
                  std::shared_ptr<CallsInFlight> calls)
      : cache_peer_(absl::StrCat("cache of ", shard.id, " at ", shard.cache_address)),
        store_peer_(absl::StrCat("store of ", shard.id, " at ", shard.store_address)),
        cache_channel_(rpc::MakeChannel(shard.cache_address)),
        store_channel_(rpc::MakeChannel(shard.store_address)),
        cache_(v1::Cache::NewStub(cache_channel_)),
        store_(v1::Store::NewStub(store_channel_)),
        admin_(v1::StoreAdmin::NewStub(store_channel_)),
        observers_{metrics.ShardCallSeconds(shard.id, "ok"),
                   metrics.ShardCallSeconds(shard.id, "timeout"),
                   metrics.ShardCallSeconds(shard.id, "error"), clock, std::move(calls)} {}

  void Probe(Service service, absl::Time deadline,
             std::function<void(absl::Status)> done) override {
    const bool is_store = service == Service::kStore;
    HealthProbe::Start(is_store ? store_channel_ : cache_channel_,
                       is_store ? store_peer_ : cache_peer_, deadline, observers_.calls,
                       std::move(done));
  }

  void Find(const ShardCall& call, const std::string& pattern, size_t matches_max,
            Done<FoundNode> done) override {
    auto* read = new ReadCall<v1::FindRequest, v1::FindResponse, FoundNode>(
        store_peer_, observers_, TakeNodes, std::move(done));
    read->request.set_tenant(call.tenant);
    read->request.set_epoch(call.epoch);
    read->request.set_pattern(pattern);
    read->request.set_max_matches(static_cast<uint32_t>(matches_max));
    read->Start(call, [this](auto... arguments) { store_->async()->Find(arguments...); });
  }

  void FindTagged(const ShardCall& call, const std::vector<std::string>& expressions,
                  size_t matches_max, Done<std::string> done) override {
    auto* read = new ReadCall<v1::FindTaggedRequest, v1::FindTaggedResponse, std::string>(
        store_peer_, observers_, TakeTagged, std::move(done));
    read->request.set_tenant(call.tenant);
    read->request.set_epoch(call.epoch);
    for (const std::string& expression : expressions) read->request.add_expression(expression);
    read->request.set_max_matches(static_cast<uint32_t>(matches_max));
    read->Start(call, [this](auto... arguments) { store_->async()->FindTagged(arguments...); });
  }

  void CompleteTags(const ShardCall& call, const TagQuestion& question,
                    Done<TagEntry> done) override {
    const auto single = NewCall<v1::CompleteTagsRequest, v1::CompleteTagsResponse>(call);
    single->request.set_tag(question.tag);
    single->request.set_prefix(question.prefix);
    for (const std::string& text : question.expressions) single->request.add_expression(text);
    single->request.set_limit(static_cast<uint32_t>(question.count_max));
    const auto finish = Finish<TagEntry>(single, TakeTags, std::move(done));
    store_->async()->CompleteTags(&single->context, &single->request, &single->response, finish);
  }

  void CreateSeries(const ShardCall& call, Metrics metrics, Done<std::string> done) override {
    const auto single = NewCall<v1::CreateSeriesRequest, v1::CreateSeriesResponse>(call);
    for (const std::string& metric : *metrics) single->request.add_metric(metric);
    const auto finish = Finish<std::string>(single, TakeRefused, std::move(done));
    store_->async()->CreateSeries(&single->context, &single->request, &single->response, finish);
  }

  // The job's states until its end; the last one counts.
  void DeleteSeries(const ShardCall& call, Metrics metrics, Done<std::string> done) override {
    const auto take = [](v1::Job& job, std::vector<std::string>& failures) {
      failures = FailuresOf(job);
      return absl::OkStatus();
    };
    auto* read = new ReadCall<v1::StartJobRequest, v1::Job, std::string>(store_peer_, observers_,
                                                                         take, std::move(done));
    read->request.set_tenant(call.tenant);
    for (const std::string& metric : *metrics) {
      read->request.mutable_delete_series()->add_metric(metric);
    }
    read->Start(call, [this](auto... arguments) { admin_->async()->RunJob(arguments...); });
  }

  void List(const ShardCall& call, size_t matches_max, Done<std::string> done) override {
    const auto take = [matches_max](v1::ListSeriesResponse& response,
                                    std::vector<std::string>& names) -> absl::Status {
      for (std::string& metric : *response.mutable_metric()) names.push_back(std::move(metric));
      if (names.size() <= matches_max) return absl::OkStatus();
      return absl::ResourceExhaustedError(
          absl::StrCat("there are more than ", matches_max, " series (--find-matches-max)"));
    };
    auto* read = new ReadCall<v1::ListSeriesRequest, v1::ListSeriesResponse, std::string>(
        store_peer_, observers_, take, std::move(done));
    read->request.set_tenant(call.tenant);
    read->request.set_epoch(call.epoch);
    read->Start(call, [this](auto... arguments) { store_->async()->ListSeries(arguments...); });
  }

  void Fetch(const ShardCall& call, Metrics metrics, const FetchRange& range, int64_t points_max,
             Done<StoredSeries> done) override {
    const auto take = [points_left = points_max](
                          v1::FetchResponse& response,
                          std::vector<StoredSeries>& list) mutable -> absl::Status {
      for (const v1::FetchedSeries& series : response.series()) points_left -= series.value_size();
      if (points_left >= 0) return TakeStored(response, list);
      return absl::ResourceExhaustedError(
          "the query reads too many points (--points-per-query-max); ask for a shorter range or "
          "fewer series");
    };
    auto* read = new ReadCall<v1::FetchRequest, v1::FetchResponse, StoredSeries>(
        store_peer_, observers_, take, std::move(done));
    FillMetrics(call, *metrics, range, read->request);
    read->request.set_now(static_cast<uint32_t>(range.now));
    read->request.set_lookback_points(static_cast<uint32_t>(range.lookback_points));
    read->Start(call, [this](auto... arguments) { store_->async()->Fetch(arguments...); });
  }

  void Reduce(const ShardCall& call, std::shared_ptr<const ReduceQuestion> question,
              const FetchRange& range, int64_t points_max, Done<ReducedGroup> done) override {
    auto* read = new ReadCall<v1::ReduceRequest, v1::ReduceResponse, ReducedGroup>(
        store_peer_, observers_, TakeReduced, std::move(done));
    read->request.set_tenant(call.tenant);
    read->request.set_epoch(call.epoch);
    read->request.set_from(static_cast<uint32_t>(range.from));
    read->request.set_until(static_cast<uint32_t>(range.until));
    read->request.set_now(static_cast<uint32_t>(range.now));
    read->request.set_max_points(static_cast<uint64_t>(std::max<int64_t>(points_max, 0)));
    FillGroups(*question, read->request);
    read->Start(call, [this](auto... arguments) { store_->async()->Reduce(arguments...); });
  }

  void Describe(const ShardCall& call, Metrics metrics, Done<SeriesLayout> done) override {
    auto* read = new ReadCall<v1::DescribeSeriesRequest, v1::DescribeSeriesResponse, SeriesLayout>(
        store_peer_, observers_, TakeLayouts, std::move(done));
    read->request.set_tenant(call.tenant);
    read->request.set_epoch(call.epoch);
    for (const std::string& metric : *metrics) read->request.add_metric(metric);
    read->Start(call, [this](auto... arguments) { store_->async()->DescribeSeries(arguments...); });
  }

  void ReadHot(const ShardCall& call, Metrics metrics, const FetchRange& range,
               Done<HotSeries> done) override {
    auto* read = new ReadCall<v1::ReadPointsRequest, v1::ReadPointsResponse, HotSeries>(
        cache_peer_, observers_, TakeHot, std::move(done));
    FillMetrics(call, *metrics, range, read->request);
    read->Start(call, [this](auto... arguments) { cache_->async()->ReadPoints(arguments...); });
  }

 private:
  template <typename Request, typename Response>
  static std::shared_ptr<SingleCall<Request, Response>> NewCall(const ShardCall& call) {
    auto single = std::make_shared<SingleCall<Request, Response>>();
    single->context.set_deadline(absl::ToChronoTime(call.deadline));
    single->request.set_tenant(call.tenant);
    single->request.set_epoch(call.epoch);
    return single;
  }

  // The completion of `single`, which is running from now on.
  template <typename T, typename Single, typename Take>
  std::function<void(grpc::Status)> Finish(std::shared_ptr<Single> single, Take take,
                                           Done<T> done) const {
    observers_.calls->Begin();
    const absl::Duration begin = observers_.clock.Monotonic();
    return [single, take, done = std::move(done), begin, peer = store_peer_,
            observers = observers_](const grpc::Status& status) {
      const absl::Status result = ResultOf(status, peer);
      observers.Observe(result, observers.clock.Monotonic() - begin);
      std::vector<T> items;
      if (result.ok()) take(single->response, items);
      done(result.ok() ? absl::StatusOr<std::vector<T>>(std::move(items)) : result);
      observers.calls->End();
    };
  }

  const std::string cache_peer_;
  const std::string store_peer_;
  const std::shared_ptr<grpc::Channel> cache_channel_;  // shared with stubs and probes
  const std::shared_ptr<grpc::Channel> store_channel_;
  const std::unique_ptr<v1::Cache::Stub> cache_;
  const std::unique_ptr<v1::Store::Stub> store_;
  const std::unique_ptr<v1::StoreAdmin::Stub> admin_;
  const Observers observers_;
};

}  // namespace

void CallsInFlight::Begin() {
  base::MutexLock lock(mutex_);
  ++count_;
}

void CallsInFlight::End() {
  base::MutexLock lock(mutex_);
  if (--count_ == 0) none_left_.NotifyAll();
}

void CallsInFlight::WaitForNone() {
  base::MutexLock lock(mutex_);
  while (count_ > 0) none_left_.Wait(lock);
}

std::shared_ptr<ShardClient> GrpcShardClients::Of(const topology::ShardInfo& shard) {
  base::MutexLock lock(mutex_);
  Entry& entry = entries_[shard.id];
  if (entry.client == nullptr || entry.cache_address != shard.cache_address ||
      entry.store_address != shard.store_address) {
    entry = {shard.cache_address, shard.store_address,
             std::make_shared<GrpcShardClient>(shard, metrics_, clock_, calls_)};
  }
  return entry.client;
}

void GrpcShardClients::Retain(const topology::SlotMap& slot_map) {
  absl::flat_hash_set<absl::string_view> ids;
  for (const topology::ShardInfo& shard : slot_map.shards()) ids.insert(shard.id);
  base::MutexLock lock(mutex_);
  absl::erase_if(entries_, [&](const auto& entry) { return !ids.contains(entry.first); });
}

}  // namespace plumbago::query
