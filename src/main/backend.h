#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "admin/health_probes.h"
#include "base/result.h"
#include "core/dead_letters.h"
#include "core/document_store.h"
#include "core/document_traces.h"
#include "core/effect_store.h"
#include "core/foreign_rows.h"
#include "core/idempotency.h"
#include "core/index_feed.h"
#include "core/instances.h"
#include "core/log.h"
#include "core/outbox.h"
#include "core/reindex.h"
#include "core/search_statistics.h"
#include "core/store_admin.h"
#include "core/vector_cache.h"
#include "ingest/retry_topics.h"
#include "main/config.h"

namespace millrace::app {

/// The adapters behind the store and log ports, chosen by the configuration.
struct Backend {
  std::shared_ptr<void> owner;  // keeps what the references name
  core::DocumentStore& documents;
  core::ContentStore& contents;
  core::ChunkStore& chunks;
  core::EffectStore& effects;
  core::DeadLetters& dead_letters;
  core::Reindexer& reindexer;
  core::IdempotencyKeys& idempotency_keys;
  core::TraceFinder& traces;
  core::IndexFeed& index_feed;
  core::Outbox& outbox;
  core::StoreAdmin& store_admin;
  core::LogProducer& producer;
  core::LogAdmin& log_admin;
  core::GroupAdmin& group_admin;
  core::SearchStatistics& search_statistics;
  core::Instances& instances;
  std::function<std::unique_ptr<core::LogConsumer>(const std::string& group)> new_consumer;  // empty group: a reader
  admin::Probe probe_log = {};    // none: the log is in the store
  admin::Probe probe_cache = {};  // none: there is no cache
  core::VectorCache* cache = nullptr;
  core::ForeignRows* foreign_rows = nullptr;  // where another program may write into the store
};

/// The topics of the contract, and ours, as they are made where they are missing.
std::vector<core::TopicSpec> OwnTopics(const Config& config);

std::vector<ingest::RetryTopic> RetryTopicsOf(const Config& config);

/// By topic, the group that reads it.
std::map<std::string, std::string> RetryGroupsOf(const Config& config);

/// In embedded mode SQLite in `config.data`, or memory when `config.ephemeral`, with the topics that were missing; in a
/// cluster MySQL, Kafka and Redis, of which only MySQL must be there.
base::Result<Backend> OpenBackend(const Config& config);

/// MySQL, Kafka and Redis.
base::Result<Backend> OpenCluster(const Config& config);

}  // namespace millrace::app
