// Counters, gauges and histograms that Prometheus scrapes.
//
// A Metrics object is the registry of one process. Handles stay valid as long as it does; ask for
// them at construction, not per event. All calls are thread-safe; Increment and Set are an atomic
// operation each: add up in a local variable and publish per batch on hot paths.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace plumbago::base {

using Labels = std::map<std::string, std::string>;

class Counter {
 public:
  virtual ~Counter() = default;
  virtual void Increment(double by = 1) = 0;
  virtual double Value() const = 0;
};

class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void Set(double value) = 0;
  virtual void Add(double by) = 0;
  virtual double Value() const = 0;
};

class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void Observe(double value) = 0;
};

class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // `name` is plumbago_<what>_<unit>[_total]; asking twice for the same name and labels gives the
  // same object.
  Counter& AddCounter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge& AddGauge(const std::string& name, const std::string& help, const Labels& labels = {});
  // `bounds` are the upper bounds of the buckets, ascending.
  Histogram& AddHistogram(const std::string& name, const std::string& help,
                          const std::vector<double>& bounds, const Labels& labels = {});

  // Runs `refresh` before each scrape, to set gauges that are cheap to compute and change often,
  // for as long as the hook lives. Its destructor waits for a running one: keep it as the last
  // member of what `refresh` reads. It must not outlive this object.
  class ScrapeHook {
   public:
    ScrapeHook(Metrics& metrics, int id) : metrics_(metrics), id_(id) {}
    ~ScrapeHook() { metrics_.RemoveHook(id_); }
    ScrapeHook(const ScrapeHook&) = delete;
    ScrapeHook& operator=(const ScrapeHook&) = delete;

   private:
    Metrics& metrics_;
    const int id_;
  };
  [[nodiscard]] std::unique_ptr<ScrapeHook> BeforeScrape(std::function<void()> refresh);

  // Prometheus text format 0.0.4.
  std::string Scrape();

  // Runs the hooks of BeforeScrape.
  void Refresh();

  // All counters and gauges of one name, in no order. Does not run the hooks.
  struct Sample {
    Labels labels;
    double value = 0;
  };
  std::vector<Sample> Samples(const std::string& name) const;

 private:
  struct Impl;
  void RemoveHook(int id);

  std::unique_ptr<Impl> impl_;
};

}  // namespace plumbago::base
