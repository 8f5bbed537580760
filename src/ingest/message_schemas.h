#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/metrics.h"
#include "base/signal.h"
#include "core/log.h"
#include "core/schema_registry.h"

namespace millrace::ingest {

/// The names of topics whose messages carry the id of their schema inside the value: comma-separated, `none`.
base::Result<std::set<std::string>> ParseFramedTopics(std::string_view text);

/// Messages and a schema registry: ours tell which schema they follow, and those of others must name one that is there.
/// A message that names none is as good as ever. Thread-safe.
class MessageSchemas {
 public:
  /// `schemas` by topic; each is registered as `<topic>-value`.
  MessageSchemas(core::SchemaRegistry& registry, std::map<std::string, std::string_view> schemas,
                 std::set<std::string> framed_topics, base::Metrics& metrics);
  ~MessageSchemas();

  /// Registers the schemas: now, when the registry answers soon, else from a thread until it has taken each. One that
  /// it refuses it may take later, when somebody changed its rules or removed what was in the way.
  void Start();
  void Stop();

  /// What our own records carry before they are sent. Until the registry has answered they go without an id, except
  /// where a topic's are framed: kUnavailable, they wait.
  base::Status Mark(core::LogRecord& record) const;

  /// Whether what `record` says of its schema holds. kNotFound: the registry has no such schema; kInvalidArgument: it
  /// is none of JSON, or the header is malformed; kUnavailable: ask again. What was missing is asked for again after
  /// half a minute, or at once when the record was `redriven`: somebody has done something about it.
  base::Status Check(const core::LogRecord& record, bool redriven, base::Deadline deadline);

 private:
  struct Topic {
    std::string_view schema;
    bool framed = false;
    std::optional<std::int32_t> id = {};
    std::string trouble = {};  // why it is not registered yet, as last said to the log
  };

  /// Whether the registry has taken all of them.
  bool RegisterAll(base::Deadline deadline);
  void KeepRegistering();

  core::SchemaRegistry& registry_;
  base::Gauge& registered_;
  base::StopFlag stop_;
  std::thread thread_;
  mutable std::mutex mutex_;
  std::map<std::string, Topic> topics_;
  std::map<core::SchemaReference, std::string> known_;             // their types; a registry never changes a schema
  std::map<core::SchemaReference, base::Deadline> missing_until_;  // so that a flood of bad messages asks seldom
};

/// Marks what goes through it.
class MarkingProducer final : public core::LogProducer {
 public:
  MarkingProducer(core::LogProducer& next, const MessageSchemas& schemas) : next_(next), schemas_(schemas) {}

  base::Result<std::vector<base::Result<core::Position>>> Produce(std::vector<core::LogRecord> records,
                                                                  base::Deadline deadline) override;

 private:
  core::LogProducer& next_;
  const MessageSchemas& schemas_;
};

}  // namespace millrace::ingest
