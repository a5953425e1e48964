#include "base/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <utility>

#include "base/mutex.h"

namespace plumbago::base {
namespace {

class PrometheusCounter final : public Counter {
 public:
  explicit PrometheusCounter(prometheus::Counter& counter) : counter_(counter) {}
  void Increment(double by) override { counter_.Increment(by); }
  double Value() const override { return counter_.Value(); }

 private:
  prometheus::Counter& counter_;
};

class PrometheusGauge final : public Gauge {
 public:
  explicit PrometheusGauge(prometheus::Gauge& gauge) : gauge_(gauge) {}
  void Set(double value) override { gauge_.Set(value); }
  void Add(double by) override { gauge_.Increment(by); }
  double Value() const override { return gauge_.Value(); }

 private:
  prometheus::Gauge& gauge_;
};

class PrometheusHistogram final : public Histogram {
 public:
  explicit PrometheusHistogram(prometheus::Histogram& histogram) : histogram_(histogram) {}
  void Observe(double value) override { histogram_.Observe(value); }

 private:
  prometheus::Histogram& histogram_;
};

}  // namespace

struct Metrics::Impl {
  prometheus::Registry registry;
  Mutex mutex;
  // Keyed by the address of the library's own object, so that equal names and labels share one.
  std::map<const void*, std::unique_ptr<Counter>> counters ABSL_GUARDED_BY(mutex);
  std::map<const void*, std::unique_ptr<Gauge>> gauges ABSL_GUARDED_BY(mutex);
  std::map<const void*, std::unique_ptr<Histogram>> histograms ABSL_GUARDED_BY(mutex);

  // Held while the refreshers run, so that a hook that is gone is not running. They only set
  // gauges.
  Mutex refresh_mutex;
  int next_hook_id ABSL_GUARDED_BY(refresh_mutex) = 0;
  std::map<int, std::function<void()>> refreshers ABSL_GUARDED_BY(refresh_mutex);
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

Counter& Metrics::AddCounter(const std::string& name, const std::string& help,
                             const Labels& labels) {
  auto& counter =
      prometheus::BuildCounter().Name(name).Help(help).Register(impl_->registry).Add(labels);
  MutexLock lock(impl_->mutex);
  auto& handle = impl_->counters[&counter];
  if (handle == nullptr) handle = std::make_unique<PrometheusCounter>(counter);
  return *handle;
}

Gauge& Metrics::AddGauge(const std::string& name, const std::string& help, const Labels& labels) {
  auto& gauge =
      prometheus::BuildGauge().Name(name).Help(help).Register(impl_->registry).Add(labels);
  MutexLock lock(impl_->mutex);
  auto& handle = impl_->gauges[&gauge];
  if (handle == nullptr) handle = std::make_unique<PrometheusGauge>(gauge);
  return *handle;
}

Histogram& Metrics::AddHistogram(const std::string& name, const std::string& help,
                                 const std::vector<double>& bounds, const Labels& labels) {
  auto& histogram = prometheus::BuildHistogram()
                        .Name(name)
                        .Help(help)
                        .Register(impl_->registry)
                        .Add(labels, bounds);
  MutexLock lock(impl_->mutex);
  auto& handle = impl_->histograms[&histogram];
  if (handle == nullptr) handle = std::make_unique<PrometheusHistogram>(histogram);
  return *handle;
}

std::unique_ptr<Metrics::ScrapeHook> Metrics::BeforeScrape(std::function<void()> refresh) {
  MutexLock lock(impl_->refresh_mutex);
  const int id = impl_->next_hook_id++;
  impl_->refreshers.emplace(id, std::move(refresh));
  return std::make_unique<ScrapeHook>(*this, id);
}

void Metrics::RemoveHook(int id) {
  MutexLock lock(impl_->refresh_mutex);
  impl_->refreshers.erase(id);
}

std::string Metrics::Scrape() {
  Refresh();
  return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

void Metrics::Refresh() {
  MutexLock lock(impl_->refresh_mutex);
  for (const auto& [id, refresh] : impl_->refreshers) refresh();
}

std::vector<Metrics::Sample> Metrics::Samples(const std::string& name) const {
  std::vector<Sample> samples;
  for (const prometheus::MetricFamily& family : impl_->registry.Collect()) {
    if (family.name != name) continue;
    for (const prometheus::ClientMetric& metric : family.metric) {
      Sample sample;
      for (const auto& label : metric.label) sample.labels[label.name] = label.value;
      const bool is_counter = family.type == prometheus::MetricType::Counter;
      sample.value = is_counter ? metric.counter.value : metric.gauge.value;
      samples.push_back(std::move(sample));
    }
  }
  return samples;
}

}  // namespace plumbago::base
