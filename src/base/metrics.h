#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace millrace::base {

using Labels = std::map<std::string, std::string>;

/// Handles stay valid for the life of their Metrics. Thread-safe, lock-free.
class Counter {
 public:
  virtual ~Counter() = default;
  virtual void Add(double amount = 1) = 0;
  virtual double value() const = 0;
};

class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void Set(double value) = 0;
};

class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void Observe(double value) = 0;
};

/// The registry behind `/metrics`. Names follow Prometheus: `millrace_<what>_<unit>[_total]`.
/// Asking twice for the same name and labels gives the same handle. Thread-safe.
class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  Counter& AddCounter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge& AddGauge(const std::string& name, const std::string& help, const Labels& labels = {});
  /// `bounds` are ascending upper bounds; seconds by convention.
  Histogram& AddHistogram(const std::string& name, const std::string& help, const std::vector<double>& bounds,
                          const Labels& labels = {});

  /// Runs `refresh` before each Render(), for values that are looked up rather than counted.
  void OnRender(std::function<void()> refresh);

  /// The Prometheus text format, version 0.0.4. Adds resident memory, CPU seconds and open files of the process.
  std::string Render();

 private:
  struct Registry;
  std::unique_ptr<Registry> registry_;
};

/// 100 µs to 60 s, for anything a client waits for.
const std::vector<double>& LatencyBounds();

}  // namespace millrace::base
