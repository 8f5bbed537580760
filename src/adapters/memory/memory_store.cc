#include "adapters/memory/memory_store.h"

#include <fmt/core.h>

#include <random>

#include "adapters/memory/ports.h"

namespace millrace::memory {

struct MemoryStore::Parts {
  Tables tables;
  Documents documents{tables};
  Effects effects{tables};
  DeadLetterTable dead_letters{tables};
  ReindexTable reindexer{tables};
  RequestTable requests{tables};
  Traces traces{tables};
  Feed feed{tables};
  OutboxTable outbox{tables};
  Admin admin{tables};
};

MemoryStore::MemoryStore() : parts_(std::make_unique<Parts>()) {
  std::random_device random;
  for (int i = 0; i < 4; ++i) parts_->tables.store_id += fmt::format("{:08x}", random());
}

MemoryStore::~MemoryStore() = default;

core::DocumentStore& MemoryStore::documents() { return parts_->documents; }
core::ContentStore& MemoryStore::contents() { return parts_->documents; }
core::ChunkStore& MemoryStore::chunks() { return parts_->documents; }
core::EffectStore& MemoryStore::effects() { return parts_->effects; }
core::DeadLetters& MemoryStore::dead_letters() { return parts_->dead_letters; }
core::Reindexer& MemoryStore::reindexer() { return parts_->reindexer; }
core::IdempotencyKeys& MemoryStore::idempotency_keys() { return parts_->requests; }
core::TraceFinder& MemoryStore::traces() { return parts_->traces; }
core::IndexFeed& MemoryStore::index_feed() { return parts_->feed; }
core::Outbox& MemoryStore::outbox() { return parts_->outbox; }
core::StoreAdmin& MemoryStore::admin() { return parts_->admin; }

}  // namespace millrace::memory
