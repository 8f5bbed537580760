#include "adapters/memory/foreign.h"

#include <fmt/core.h>

#include "core/sha256.h"

namespace millrace::memory {
namespace {

using Verdict = core::WorkOrder::Verdict;

constexpr core::DocumentId kMaxForeignStep = 10'000'000;  // beyond the highest id: a mistake that would use up the ids

enum class Order { kOlder, kSame, kNewer };

/// Against the newest message known of the document. Offsets of one partition count, until a newer timestamp at an
/// offset already passed shows that the topic was made anew.
Order Compare(const core::Work& work, const Origin& origin) {
  const bool same_partition =
      work.position.topic == origin.position.topic && work.position.partition == origin.position.partition;
  if (same_partition && work.position.offset > origin.position.offset) return Order::kNewer;
  if (work.timestamp > origin.timestamp) return Order::kNewer;
  return work.position == origin.position ? Order::kSame : Order::kOlder;
}

core::WorkOrder Say(Verdict verdict, core::Version version, std::string reason = {}) {
  core::WorkOrder order;
  order.verdict = verdict;
  order.version = version;
  order.reason = std::move(reason);
  return order;
}

}  // namespace

core::WorkOrder AdoptForeign(Tables& tables, const core::Work& work, core::Timestamp now) {
  if (work.id < 1 || work.id > tables.last_document_id + kMaxForeignStep) {
    return Say(Verdict::kRefused, 0,
               fmt::format("document_id {} is not within 1 … {}.", work.id, tables.last_document_id + kMaxForeignStep));
  }
  DocumentRow* document = tables.Find(work.id);
  Body body{work.title.value_or(""), work.content, {}, {}, work.chunking, {}};
  if (document == nullptr) {
    document = &tables.documents[work.id];
    document->id = work.id;
    document->created_at = now;
    tables.last_document_id = std::max(tables.last_document_id, work.id);
  } else {
    const Order order = document->origin ? Compare(work, *document->origin) : Order::kNewer;
    if (order == Order::kSame) return Say(Verdict::kProcess, document->origin->version);
    if (document->deleted()) {
      if (order == Order::kOlder || work.timestamp <= document->deleted_at) return Say(Verdict::kDeleted, 0);
      document->created_at = now;
    } else {
      if (order == Order::kOlder) return Say(Verdict::kSuperseded, 0);
      const Body& newest = document->newest_body();
      if (!work.title) body.title = newest.title;
      if (newest.title == body.title && newest.content == work.content) {
        if (document->version == document->indexed_version) {  // nothing to do either
          tables.RecordOrigin(*document, {work.position, work.timestamp, document->version});
        }
        return Say(Verdict::kProcess, document->version);
      }
      body.metadata = newest.metadata;
      body.chunking = newest.chunking;
    }
  }
  body.hash = core::Sha256Hex(body.content);
  tables.AddVersion(*document, std::move(body), now);
  document->origin = {work.position, work.timestamp, document->version};
  return Say(Verdict::kProcess, document->version);
}

}  // namespace millrace::memory
