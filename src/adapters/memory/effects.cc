#include <fmt/core.h>

#include "adapters/memory/foreign.h"
#include "adapters/memory/ports.h"
#include "core/log.h"
#include "core/poison_guard.h"

namespace millrace::memory {
namespace {

using Verdict = core::WorkOrder::Verdict;

/// DELIVERY §1 and §4: whether anything of `version` may still be written.
bool IsFenced(const DocumentRow* document, core::Version version) {
  return document == nullptr || document->deleted() || version > document->version ||
         version <= document->indexed_version || version <= document->deleted_version;
}

base::Error Late() { return {base::Code::kDeadlineExceeded, "The store did not get to it in time.", {}}; }

}  // namespace

base::Result<std::vector<core::WorkOrder>> Effects::Begin(std::span<const core::Work> batch, const std::string& worker,
                                                          base::Deadline deadline) {
  if (deadline.expired()) return Late();
  std::lock_guard lock(tables_.mutex);
  const auto now = core::Now();
  std::vector<core::WorkOrder> orders;
  orders.reserve(batch.size());
  for (const auto& work : batch) {
    orders.push_back(Fence(work, worker, now));
    if (work.dead_letter > 0) FollowRedriven(work, orders.back());
  }
  return orders;
}

core::WorkOrder Effects::Fence(const core::Work& work, const std::string& worker, core::Timestamp now) {
  core::WorkOrder order;
  order.version = work.version;
  if (work.version == 0) {
    order = AdoptForeign(tables_, work, now);
    if (order.verdict != Verdict::kProcess) return order;
  }
  DocumentRow* document = tables_.Find(work.id);
  if (document == nullptr || order.version > document->version || order.version < 0) {
    order.verdict = Verdict::kRefused;
    order.reason = fmt::format("This store never accepted version {} of document {}.", order.version, work.id);
  } else if (document->deleted() || order.version <= document->deleted_version) {
    order.verdict = Verdict::kDeleted;
  } else if (order.version == document->indexed_version) {
    order.verdict = Verdict::kAlreadyIndexed;
  } else if (order.version < document->version) {
    order.verdict = Verdict::kSuperseded;
  } else {
    order.attempts = document->attempts;
    order.verdict = core::Guard(document->mark, worker, work.alone, [](const std::string&) { return false; });
    if (order.verdict == Verdict::kProcess) return Process(*document, work, now);
  }
  return order;
}

/// Hands out the newest version, which the guard has marked.
core::WorkOrder Effects::Process(DocumentRow& document, const core::Work& work, core::Timestamp now) {
  if (!work.position.topic.empty()) {
    tables_.RecordOrigin(document, {work.position, work.timestamp, document.version});
  }
  document.status = core::DocumentStatus::kProcessing;
  document.next_attempt_at.reset();
  document.error.reset();
  document.updated_at = now;
  tables_.AddEvent(document, document.version, document.status, now);
  core::WorkOrder order;
  order.version = document.version;
  const Body& body = document.newest_body();
  order.title = body.title;
  order.chunking = body.chunking;
  order.content_bytes = static_cast<std::int64_t>(body.content.size());
  const auto staged = document.chunks.find(order.version);
  if (staged != document.chunks.end()) order.staged_chunks = static_cast<std::int32_t>(staged->second.rows.size());
  order.attempts = ++document.attempts;
  return order;
}

/// A redriven record's dead letter notes the version that it became, or goes because there is nothing left to do.
void Effects::FollowRedriven(const core::Work& work, const core::WorkOrder& order) {
  const auto found = tables_.dead_letters.find(work.dead_letter);
  if (found == tables_.dead_letters.end()) return;
  if (order.verdict == Verdict::kProcess) {
    found->second.letter.document_id = work.id;
    found->second.letter.version = order.version;
  } else if (order.settled()) {
    tables_.dead_letters.erase(found);
  }
}

base::Status Effects::Abandon(std::span<const core::DocumentId> ids, const std::string& worker,
                              base::Deadline deadline) {
  if (deadline.expired()) return Late();
  std::lock_guard lock(tables_.mutex);
  for (const auto id : ids) {
    DocumentRow* document = tables_.Find(id);
    if (document != nullptr && document->mark.worker == worker) document->mark = {{}, false, document->mark.crashes};
  }
  return {};
}

base::Status Effects::Check(const core::Effects& effects) const {
  const auto invalid = [&](std::string_view what) {
    return base::Error{base::Code::kInvalidArgument, fmt::format("Document {}: {}", effects.id, what), {}};
  };
  const std::size_t count = effects.chunks.size();
  if (count > core::Effects::kMaxRows) return invalid("too many chunks for one transaction.");
  if (count == 0) return effects.vectors.empty() ? base::Status() : invalid("vectors without chunks.");
  if (effects.vectors.empty() || effects.vectors.size() % count != 0)
    return invalid("chunks and vectors do not match.");
  if (tables_.dimensions.value_or(effects.vectors.size() / count) != effects.vectors.size() / count) {
    return invalid("the vectors are not of the store's dimension.");
  }
  const DocumentRow& document = tables_.documents.at(effects.id);
  const auto staged = document.chunks.find(effects.version);
  const auto staged_count = staged == document.chunks.end() ? 0 : static_cast<std::int32_t>(staged->second.rows.size());
  std::int32_t next = effects.chunks.front().index;
  if (next < 0 || next > staged_count) return invalid("the first chunk does not continue what is staged.");
  for (const auto& chunk : effects.chunks) {
    if (chunk.index != next++) return invalid("the chunk indexes are not consecutive.");
  }
  return {};
}

void Effects::AddChunks(DocumentRow& document, const core::Effects& effects) {
  auto& rows = document.chunks[effects.version].rows;
  const std::size_t count = effects.chunks.size();
  if (count == 0) return;
  const std::size_t dimensions = effects.vectors.size() / count;
  tables_.dimensions = dimensions;
  for (std::size_t i = 0; i < count; ++i) {
    const auto& chunk = effects.chunks[i];
    if (rows.contains(chunk.index)) continue;
    const auto begin = effects.vectors.begin() + static_cast<std::ptrdiff_t>(i * dimensions);
    const core::ChunkId id = ++tables_.last_chunk_id;
    rows.emplace(chunk.index, ChunkRow{id, chunk, {begin, begin + static_cast<std::ptrdiff_t>(dimensions)}});
    tables_.chunk_places.emplace(id, ChunkPlace{document.id, effects.version, chunk.index});
  }
}

base::Result<core::Applied> Effects::Stage(const core::Effects& part, base::Deadline deadline) {
  if (deadline.expired()) return Late();
  std::lock_guard lock(tables_.mutex);
  DocumentRow* document = tables_.Find(part.id);
  if (IsFenced(document, part.version)) return core::Applied::kFenced;
  RETURN_IF_ERROR(Check(part));
  AddChunks(*document, part);
  document->updated_at = core::Now();
  return core::Applied::kYes;
}

base::Result<std::vector<core::Applied>> Effects::Publish(std::span<const core::Effects> batch,
                                                          base::Deadline deadline) {
  if (deadline.expired()) return Late();
  std::lock_guard lock(tables_.mutex);
  for (const auto& effects : batch) {  // before anything is written: a failed call changes nothing
    if (!IsFenced(tables_.Find(effects.id), effects.version)) RETURN_IF_ERROR(Check(effects));
  }
  const auto now = core::Now();
  std::vector<core::Applied> applied;
  applied.reserve(batch.size());
  for (const auto& effects : batch) applied.push_back(PublishOne(effects, now));
  return applied;
}

core::Applied Effects::PublishOne(const core::Effects& effects, core::Timestamp now) {
  DocumentRow* document = tables_.Find(effects.id);
  if (IsFenced(document, effects.version)) return core::Applied::kFenced;
  for (auto it = document->chunks.begin(); it != document->chunks.end() && it->first < effects.version;) {
    auto& [version, chunks] = *it++;
    if (version > document->indexed_version) {
      tables_.EraseChunks(*document, version);  // staged by a run that will not be finished
    } else if (!chunks.overtaken_at) {
      chunks.overtaken_at = now;
    }
  }
  for (auto& [version, body] : document->bodies) {
    if (version < effects.version && !body.overtaken_at) body.overtaken_at = now;
  }
  AddChunks(*document, effects);
  document->indexed_version = effects.version;
  document->revision = effects.version == document->reindexed_version ? document->revision + 1 : 0;
  document->updated_at = now;
  if (effects.version == document->version) {
    document->status = core::DocumentStatus::kIndexed;
    document->next_attempt_at.reset();
    document->mark = {};
    document->error.reset();
    document->warning = effects.warning;
    document->steps.chunked = effects.chunked_at;
    document->steps.embedded = effects.embedded_at;
    document->steps.stored = now;
  }
  tables_.EraseUploads(document->id, effects.version);
  tables_.EraseDeadLetters(document->id, 1, effects.version);
  core::StepTimes steps{{}, effects.chunked_at, effects.embedded_at, now};
  if (effects.version == document->version) steps = document->steps;
  tables_.AddEvent(*document, effects.version, core::DocumentStatus::kIndexed, now, steps);
  return core::Applied::kYes;
}

base::Result<std::vector<core::Applied>> Effects::Fail(std::span<const core::Failure> batch, base::Deadline deadline) {
  if (deadline.expired()) return Late();
  std::lock_guard lock(tables_.mutex);
  const auto now = core::Now();
  std::vector<core::Applied> applied;
  for (const auto& failure : batch) {
    DocumentRow* document = tables_.Find(failure.id);
    if (IsFenced(document, failure.version) || failure.version < document->version) {
      applied.push_back(core::Applied::kFenced);
      continue;
    }
    tables_.EraseUploads(document->id, failure.version);
    document->status = core::StatusAfter(failure);
    document->next_attempt_at.reset();
    document->mark = {};
    document->error = failure.error;
    document->updated_at = now;
    if (failure.retry) {
      document->next_attempt_at = failure.retry->not_before;
      tables_.AddRecord(failure.retry->copy, failure.id, failure.version, now, 0);
    } else {
      tables_.EraseChunks(*document, failure.version);
      if (failure.dead_letter) tables_.ListDeadLetter(*failure.dead_letter, core::WhenListed::kUpdate, now);
    }
    tables_.AddEvent(*document, failure.version, document->status, now);
    applied.push_back(core::Applied::kYes);
  }
  return applied;
}

base::Status Effects::DeadLetter(std::span<const core::DeadLetterDraft> records, base::Deadline deadline) {
  if (deadline.expired()) return Late();
  std::lock_guard lock(tables_.mutex);
  for (const auto& record : records) tables_.ListDeadLetter(record, core::WhenListed::kLeave, core::Now());
  return {};
}

}  // namespace millrace::memory
