#pragma once

#include <memory>

#include "core/dead_letters.h"
#include "core/document_store.h"
#include "core/document_traces.h"
#include "core/effect_store.h"
#include "core/idempotency.h"
#include "core/index_feed.h"
#include "core/outbox.h"
#include "core/reindex.h"
#include "core/store_admin.h"

namespace millrace::memory {

/// All store ports over tables in memory, which end with it: `serve --ephemeral` and fast tests. What a store on disk
/// promises holds here too, but for durability. Thread-safe; what it hands out lives as long as it does.
class MemoryStore {
 public:
  MemoryStore();
  ~MemoryStore();
  MemoryStore(const MemoryStore&) = delete;
  MemoryStore& operator=(const MemoryStore&) = delete;

  core::DocumentStore& documents();
  core::ContentStore& contents();
  core::ChunkStore& chunks();
  core::EffectStore& effects();
  core::DeadLetters& dead_letters();
  core::Reindexer& reindexer();
  core::IdempotencyKeys& idempotency_keys();
  core::TraceFinder& traces();
  core::IndexFeed& index_feed();
  core::Outbox& outbox();
  core::StoreAdmin& admin();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace millrace::memory
