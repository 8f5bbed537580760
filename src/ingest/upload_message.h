#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "core/effect_store.h"
#include "core/log.h"
#include "core/outbox.h"
#include "core/store_admin.h"
#include "ingest/failure_headers.h"

namespace millrace::ingest {

/// Content up to here travels in the message itself, beyond it by reference to the store (DELIVERY §1). Most messages
/// of this size stay below kMaxMessageBytes; those that escapes make longer travel by reference too.
inline constexpr std::size_t kMaxInlineContentBytes = 384 * 1024;

/// Of a message's value: with its headers it stays below Kafka's default limit of 1 MiB.
inline constexpr std::size_t kMaxMessageBytes = 960 * 1024;

/// A record of `document-uploads` or one of its retry topics, decoded.
struct Upload {
  core::Work work;
  std::optional<std::string> content;      // of our own records, when it travelled in the message
  std::int64_t content_bytes = 0;          // as announced; for scheduling only
  FailureTrace trace;                      // what its headers say of earlier runs
  std::optional<core::LogRecord> record;   // as it was read, for copies of it; none of a synchronous run
  std::optional<core::DocumentError> bad;  // why it is no upload: all that it can become is a dead letter
};

/// The record that an upload row of the outbox owes: the contract's five members (CONTRACT §2), `content_ref` when the
/// content stays in the store, and the headers by which this store knows its own records.
core::LogRecord EncodeUpload(const core::OutboxRow& row, const core::StoreIdentity& store);

/// A record with this store's headers is our own; any other is foreign. A copy or a redriven record that carries a
/// version keeps its original's position and time; one without is news where it lies. `record` of the answer is unset.
/// The error says what is wrong with a bad message.
base::Result<Upload> DecodeUpload(const core::LogRecord& record, const core::StoreIdentity& store);

/// As DecodeUpload, with the record, and what is wrong with a bad message inside.
Upload TakeUpload(core::LogRecord record, const core::StoreIdentity& store);

}  // namespace millrace::ingest
