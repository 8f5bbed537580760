#include "base/metrics.h"

#include <dirent.h>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <sys/resource.h>
#include <unistd.h>

#include <deque>
#include <fstream>
#include <mutex>

namespace millrace::base {
namespace {

class PrometheusCounter final : public Counter {
 public:
  explicit PrometheusCounter(prometheus::Counter& counter) : counter_(counter) {}
  void Add(double amount) override { counter_.Increment(amount); }
  double value() const override { return counter_.Value(); }

 private:
  prometheus::Counter& counter_;
};

class PrometheusGauge final : public Gauge {
 public:
  explicit PrometheusGauge(prometheus::Gauge& gauge) : gauge_(gauge) {}
  void Set(double value) override { gauge_.Set(value); }

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

double ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  double total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double OpenFiles() {
  DIR* directory = opendir("/proc/self/fd");
  if (directory == nullptr) return 0;
  int entries = 0;
  while (readdir(directory) != nullptr) ++entries;
  closedir(directory);
  return entries - 3;  // ".", ".." and the handle of this very listing
}

}  // namespace

struct Metrics::Registry {
  std::mutex mutex;
  prometheus::Registry registry{prometheus::Registry::InsertBehavior::Merge};
  std::map<void*, std::unique_ptr<Counter>> counters;
  std::map<void*, std::unique_ptr<Gauge>> gauges;
  std::map<void*, std::unique_ptr<Histogram>> histograms;
  std::deque<std::function<void()>> refreshes;
};

Metrics::Metrics() : registry_(std::make_unique<Registry>()) {
  Gauge& resident = AddGauge("process_resident_memory_bytes", "Resident memory of the process in bytes.");
  Counter& cpu = AddCounter("process_cpu_seconds_total", "User and system CPU time of the process in seconds.");
  Gauge& files = AddGauge("process_open_fds", "Open file descriptors of the process.");
  OnRender([&resident, &cpu, &files] {
    resident.Set(ResidentBytes());
    cpu.Add(CpuSeconds() - cpu.value());
    files.Set(OpenFiles());
  });
}

Metrics::~Metrics() = default;

Counter& Metrics::AddCounter(const std::string& name, const std::string& help, const Labels& labels) {
  std::lock_guard lock(registry_->mutex);
  auto& counter = prometheus::BuildCounter().Name(name).Help(help).Register(registry_->registry).Add(labels);
  auto& slot = registry_->counters[&counter];
  if (!slot) slot = std::make_unique<PrometheusCounter>(counter);
  return *slot;
}

Gauge& Metrics::AddGauge(const std::string& name, const std::string& help, const Labels& labels) {
  std::lock_guard lock(registry_->mutex);
  auto& gauge = prometheus::BuildGauge().Name(name).Help(help).Register(registry_->registry).Add(labels);
  auto& slot = registry_->gauges[&gauge];
  if (!slot) slot = std::make_unique<PrometheusGauge>(gauge);
  return *slot;
}

Histogram& Metrics::AddHistogram(const std::string& name, const std::string& help, const std::vector<double>& bounds,
                                 const Labels& labels) {
  std::lock_guard lock(registry_->mutex);
  auto& histogram =
      prometheus::BuildHistogram().Name(name).Help(help).Register(registry_->registry).Add(labels, bounds);
  auto& slot = registry_->histograms[&histogram];
  if (!slot) slot = std::make_unique<PrometheusHistogram>(histogram);
  return *slot;
}

void Metrics::OnRender(std::function<void()> refresh) {
  std::lock_guard lock(registry_->mutex);
  registry_->refreshes.push_back(std::move(refresh));
}

std::string Metrics::Render() {
  std::deque<std::function<void()>> refreshes;
  {
    std::lock_guard lock(registry_->mutex);
    refreshes = registry_->refreshes;
  }
  for (const auto& refresh : refreshes) refresh();
  return prometheus::TextSerializer().Serialize(registry_->registry.Collect());
}

const std::vector<double>& LatencyBounds() {
  static const std::vector<double> bounds = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                             0.1,    0.25,    0.5,    1,     2.5,    5,     10,   30,    60};
  return bounds;
}

}  // namespace millrace::base
