#include "ingest/message_schemas.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/backoff.h"
#include "base/comma_list.h"
#include "base/log.h"
#include "core/record_headers.h"

namespace millrace::ingest {
namespace {

using base::Code;
using base::Deadline;

constexpr auto kStartPatience = std::chrono::seconds(5);
constexpr auto kRegisterTimeout = std::chrono::seconds(10);
constexpr auto kAskTimeout = std::chrono::seconds(10);
constexpr auto kAskAgainAfter = std::chrono::seconds(30);  // for a schema that the registry did not have
constexpr char kJson[] = "JSON";
constexpr std::size_t kMaxRemembered = 10'000;  // of either kind; beyond it they are forgotten and asked again

base::Status MustBeJson(const core::SchemaReference& schema, const std::string& type) {
  if (type == kJson) return {};
  return base::Error{Code::kInvalidArgument,
                     fmt::format("schema {} is one of {}; messages of this topic are JSON", core::NameOf(schema), type),
                     {}};
}

bool HasOwnHeader(const core::LogRecord& record) {
  return std::any_of(record.headers.begin(), record.headers.end(),
                     [](const core::RecordHeader& header) { return core::IsOwnHeader(header.name); });
}

}  // namespace

base::Result<std::set<std::string>> ParseFramedTopics(std::string_view text) {
  std::set<std::string> topics;
  if (text == "none") return topics;
  while (!text.empty()) {
    const std::string_view topic = base::TakeItem(text);
    if (topic != core::kUploadsTopic && topic != core::kEventsTopic && topic != core::kAnalyticsTopic) {
      return base::Error{
          Code::kInvalidArgument,
          fmt::format("none, or some of {},{},{}", core::kUploadsTopic, core::kEventsTopic, core::kAnalyticsTopic),
          {}};
    }
    topics.emplace(topic);
  }
  return topics;
}

MessageSchemas::MessageSchemas(core::SchemaRegistry& registry, std::map<std::string, std::string_view> schemas,
                               std::set<std::string> framed_topics, base::Metrics& metrics)
    : registry_(registry),
      registered_(metrics.AddGauge("millrace_schemas_registered", "Schemas of our topics that the registry knows.")) {
  for (const auto& [topic, schema] : schemas) topics_[topic] = {schema, framed_topics.contains(topic)};
}

MessageSchemas::~MessageSchemas() { Stop(); }

void MessageSchemas::Start() {
  if (!RegisterAll(Deadline::After(kStartPatience))) thread_ = std::thread([this] { KeepRegistering(); });
}

void MessageSchemas::Stop() {
  stop_.Stop();
  if (thread_.joinable()) thread_.join();
}

void MessageSchemas::KeepRegistering() {
  base::Backoff backoff(std::chrono::seconds(1), std::chrono::seconds(15));
  while (!stop_.SleepUntil(Deadline::After(backoff.Next()))) {
    if (RegisterAll(Deadline::After(kRegisterTimeout))) return;
  }
}

bool MessageSchemas::RegisterAll(Deadline deadline) {
  std::map<std::string, std::string_view> open;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [name, topic] : topics_) {
      if (!topic.id) open[name] = topic.schema;
    }
  }
  bool all = true;
  for (const auto& [name, schema] : open) {
    const auto id = registry_.Register(name + "-value", schema, deadline);
    std::lock_guard lock(mutex_);
    Topic& topic = topics_[name];
    if (id) {
      topic.id = *id;
      known_[{*id, {}}] = kJson;
      registered_.Set(static_cast<double>(
          std::count_if(topics_.begin(), topics_.end(), [](const auto& one) { return one.second.id.has_value(); })));
      if (!topic.trouble.empty()) base::LogInfo("the schema of {} is registered now", name);
      continue;
    }
    const base::Error& error = id.error();
    const bool is_away = base::IsRetryable(error.code);
    const bool is_news = std::exchange(topic.trouble, error.message) != error.message;
    if (is_news && !is_away) {
      base::LogError("the schema of {} is not registered, and its messages {}: {}", name,
                     topic.framed ? "wait" : "go without an id", error.message);
    } else if (is_news) {
      base::LogWarning("the schema of {} is not registered yet: {}", name, error.message);
    }
    all = false;
    if (is_away) break;  // the others would find the same
  }
  return all;
}

base::Status MessageSchemas::Mark(core::LogRecord& record) const {
  std::lock_guard lock(mutex_);
  const auto found = topics_.find(record.position.topic);
  if (found == topics_.end() || !record.value) return {};
  // Another program's message that goes back to its topic stays as it was.
  if (record.position.topic == core::kUploadsTopic && !HasOwnHeader(record)) return {};
  const Topic& topic = found->second;
  if (!topic.id) {
    if (!topic.framed) return {};
    return base::Error{Code::kUnavailable,
                       fmt::format("messages of {} carry a schema id, and the schema registry gave none yet: {}",
                                   record.position.topic, topic.trouble),
                       {}};
  }
  const auto said = core::SchemaOf(record);
  if (!said || *said) return {};
  if (topic.framed) {
    record.value = core::EncodeSchemaId(*topic.id) + *record.value;
  } else {
    record.headers.push_back({core::kSchemaHeader, core::EncodeSchemaId(*topic.id)});
  }
  return {};
}

base::Status MessageSchemas::Check(const core::LogRecord& record, bool redriven, Deadline deadline) {
  ASSIGN_OR_RETURN(const auto schema, core::SchemaOf(record));
  if (!schema) return {};
  const base::Error unknown{
      Code::kNotFound, fmt::format("the schema registry has no schema {}", core::NameOf(*schema)), {}};
  {
    std::lock_guard lock(mutex_);
    if (const auto known = known_.find(*schema); known != known_.end()) return MustBeJson(*schema, known->second);
    const auto missing = missing_until_.find(*schema);
    if (!redriven && missing != missing_until_.end() && !missing->second.expired()) return unknown;
  }
  const auto found = registry_.Find(*schema, Deadline::After(kAskTimeout).EarlierOf(deadline));
  if (!found && found.error().code != Code::kNotFound) return found.error();
  std::lock_guard lock(mutex_);
  if (!found) {
    if (missing_until_.size() >= kMaxRemembered) missing_until_.clear();
    missing_until_.insert_or_assign(*schema, Deadline::After(kAskAgainAfter));
    return unknown;
  }
  if (known_.size() >= kMaxRemembered) known_.clear();
  known_[*schema] = found->type;
  return MustBeJson(*schema, found->type);
}

base::Result<std::vector<base::Result<core::Position>>> MarkingProducer::Produce(std::vector<core::LogRecord> records,
                                                                                 Deadline deadline) {
  std::vector<base::Status> marked;
  std::vector<core::LogRecord> ready;
  for (core::LogRecord& record : records) {
    marked.push_back(schemas_.Mark(record));
    if (marked.back()) ready.push_back(std::move(record));
  }
  ASSIGN_OR_RETURN(auto produced, next_.Produce(std::move(ready), deadline));
  std::vector<base::Result<core::Position>> results;
  std::size_t next = 0;
  for (const base::Status& status : marked) {
    if (status) {
      results.push_back(std::move(produced[next++]));
    } else {
      results.emplace_back(status.error());
    }
  }
  return results;
}

}  // namespace millrace::ingest
