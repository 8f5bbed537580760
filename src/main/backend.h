#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "core/document_store.h"
#include "core/effect_store.h"
#include "core/index_feed.h"
#include "core/instances.h"
#include "core/log.h"
#include "core/outbox.h"
#include "core/search_statistics.h"
#include "core/store_admin.h"
#include "main/config.h"

namespace millrace::app {

/// The adapters behind the store and log ports, chosen by the configuration.
struct Backend {
  std::shared_ptr<void> owner;  // keeps what the references name
  core::DocumentStore& documents;
  core::ContentStore& contents;
  core::ChunkStore& chunks;
  core::EffectStore& effects;
  core::IndexFeed& index_feed;
  core::Outbox& outbox;
  core::StoreAdmin& store_admin;
  core::LogProducer& producer;
  core::LogAdmin& log_admin;
  core::GroupAdmin& group_admin;
  core::SearchStatistics& search_statistics;
  core::Instances& instances;
  std::function<std::unique_ptr<core::LogConsumer>(const std::string& group)> new_consumer;  // empty group: a reader
};

/// SQLite in `config.data`, or memory when `config.ephemeral`. Creates the topics that are missing.
base::Result<Backend> OpenBackend(const Config& config);

}  // namespace millrace::app
