#pragma once

#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "base/metrics.h"
#include "base/rate_meter.h"
#include "core/embedder.h"
#include "embed/text_queue.h"

namespace millrace::embed {

struct BatchingOptions {
  std::size_t workers = 0;  // threads for each priority; 0: one per core
  int ingest_nice = 5;      // added to the ingest threads' nice value, so that a query's thread gets the core at once
  std::size_t ingest_batch_tokens = 512, query_batch_tokens = 128;  // padding included; more is no faster, only later
  TextQueue::Bounds ingest_queue = {4096, 65536};
  TextQueue::Bounds query_queue = {1024, 16384};
  std::int32_t cls_id = 101, sep_id = 102;  // put around every text's tokens
};

/// Gathers the texts of all callers into batches of similar length for the encoder. Queries and ingestion have a queue
/// and threads of their own: a query never waits for a batch of documents to end, the scheduler takes the core from it
/// instead. A caller that asks for ingestion is held while its queue is full; a query is refused with kOverloaded.
class BatchingEmbedder final : public core::Embedder {
 public:
  /// The three references outlive the embedder. REQUIRES: encoder.max_tokens() > 2
  BatchingEmbedder(core::Encoder& encoder, const core::Tokenizer& tokenizer, base::Metrics& metrics,
                   BatchingOptions options = {});
  ~BatchingEmbedder() override;  // REQUIRES: no call of Embed() is running

  std::size_t dimensions() const override { return encoder_.dimensions(); }
  /// Of the tokenizer's own count: [CLS] and [SEP] are not in it.
  std::size_t max_tokens() const override { return encoder_.max_tokens() - 2; }
  const core::Tokenizer& tokenizer() const override { return tokenizer_; }

  /// Besides the port's errors: kUnavailable once stopped, and the encoder's own error for a text that it refuses.
  base::Result<std::vector<float>> Embed(std::span<const std::string_view> texts, Priority priority,
                                         base::Deadline deadline) override;

  /// Of queries and of ingestion, over the last 30 s.
  double tokens_per_second() const { return tokens_rate_.per_second(); }

  /// Fails what waits with kUnavailable, lets the running batches end, then joins the threads. Idempotent.
  void Stop();

 private:
  struct Lane {
    Lane(TextQueue::Bounds bounds, std::size_t batch_tokens, const std::string& priority, base::Metrics& metrics);

    const std::size_t batch_tokens;
    base::Histogram& seconds;
    TextQueue queue;
    std::vector<std::thread> threads;
  };

  base::Result<std::vector<float>> EmbedIn(Lane& lane, std::span<const std::string_view> texts, bool wait_for_room,
                                           base::Deadline deadline);
  base::Status Enqueue(Lane& lane, const std::shared_ptr<EmbedRequest>& request,
                       std::span<const std::string_view> texts, bool wait_for_room, base::Deadline deadline);
  std::vector<std::int32_t> ModelTokens(std::string_view text) const;
  void Work(Lane& lane);
  void Run(std::vector<QueuedText> batch);
  base::Status RunTogether(std::span<QueuedText> batch);

  core::Encoder& encoder_;
  const core::Tokenizer& tokenizer_;
  const BatchingOptions options_;
  base::Counter& embedded_tokens_;
  base::Counter& embedded_texts_;
  base::RateMeter tokens_rate_;
  Lane queries_, ingest_;
};

}  // namespace millrace::embed
