#include "embed/batching_embedder.h"

#include <fmt/format.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "base/log.h"
#include "embed/embed_request.h"

namespace millrace::embed {
namespace {

void LowerOwnPriority(int nice_increment) {
  const auto self = static_cast<id_t>(gettid());  // Linux keeps the nice value per thread
  if (setpriority(PRIO_PROCESS, self, getpriority(PRIO_PROCESS, self) + nice_increment) != 0) {
    base::LogWarning("ingestion runs at the same priority as queries: setpriority failed");
  }
}

}  // namespace

BatchingEmbedder::Lane::Lane(TextQueue::Bounds bounds, std::size_t tokens, const std::string& priority,
                             base::Metrics& metrics)
    : batch_tokens(tokens),
      seconds(metrics.AddHistogram("millrace_embed_seconds", "Time a call waited for its vectors, queue and model.",
                                   base::LatencyBounds(), {{"priority", priority}})),
      queue(bounds, metrics.AddGauge("millrace_embed_queue_tokens", "Tokens waiting for the model.",
                                     {{"priority", priority}})) {}

BatchingEmbedder::BatchingEmbedder(core::Encoder& encoder, const core::Tokenizer& tokenizer, base::Metrics& metrics,
                                   BatchingOptions options)
    : encoder_(encoder),
      tokenizer_(tokenizer),
      options_(options),
      embedded_tokens_(metrics.AddCounter("millrace_embedded_tokens_total", "Tokens run through the model.")),
      embedded_texts_(metrics.AddCounter("millrace_embedded_texts_total", "Texts run through the model.")),
      queries_(options.query_queue, options.query_batch_tokens, "query", metrics),
      ingest_(options.ingest_queue, options.ingest_batch_tokens, "ingest", metrics) {
  const std::size_t workers = options.workers > 0 ? options.workers : std::max(1U, std::thread::hardware_concurrency());
  for (std::size_t i = 0; i < workers; ++i) {
    queries_.threads.emplace_back([this] {
      pthread_setname_np(pthread_self(), "embed-query");
      Work(queries_);
    });
    ingest_.threads.emplace_back([this] {
      pthread_setname_np(pthread_self(), "embed-ingest");
      LowerOwnPriority(options_.ingest_nice);
      Work(ingest_);
    });
  }
}

BatchingEmbedder::~BatchingEmbedder() { Stop(); }

void BatchingEmbedder::Stop() {
  for (Lane* lane : {&queries_, &ingest_}) {
    for (const QueuedText& text : lane->queue.Close()) {
      text.request->Fail({base::Code::kUnavailable, "the embedder is stopping", {}});
    }
  }
  for (Lane* lane : {&queries_, &ingest_}) {
    for (std::thread& thread : lane->threads) thread.join();
    lane->threads.clear();
  }
}

base::Result<std::vector<float>> BatchingEmbedder::Embed(std::span<const std::string_view> texts, Priority priority,
                                                         base::Deadline deadline) {
  if (texts.empty()) return std::vector<float>{};
  const bool query = priority == Priority::kQuery;
  Lane& lane = query ? queries_ : ingest_;
  const auto start = std::chrono::steady_clock::now();
  auto vectors = EmbedIn(lane, texts, !query, deadline);
  lane.seconds.Observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  return vectors;
}

base::Result<std::vector<float>> BatchingEmbedder::EmbedIn(Lane& lane, std::span<const std::string_view> texts,
                                                           bool wait_for_room, base::Deadline deadline) {
  const auto request = std::make_shared<EmbedRequest>(texts.size(), dimensions(), deadline);
  auto vectors = [&]() -> base::Result<std::vector<float>> {
    RETURN_IF_ERROR(Enqueue(lane, request, texts, wait_for_room, deadline));
    return request->Wait();
  }();
  if (!vectors) {
    request->Fail(vectors.error());  // so that a batch already picked leaves its texts out
    lane.queue.Remove(*request);
  }
  return vectors;
}

base::Status BatchingEmbedder::Enqueue(Lane& lane, const std::shared_ptr<EmbedRequest>& request,
                                       std::span<const std::string_view> texts, bool wait_for_room,
                                       base::Deadline deadline) {
  std::vector<QueuedText> at_once;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    QueuedText text{request, i, ModelTokens(texts[i])};
    if (wait_for_room) {
      RETURN_IF_ERROR(lane.queue.Push(std::move(text), deadline));
    } else {
      at_once.push_back(std::move(text));
    }
  }
  if (wait_for_room) return {};
  return lane.queue.TryPush(std::move(at_once));
}

std::vector<std::int32_t> BatchingEmbedder::ModelTokens(std::string_view text) const {
  const auto tokens = tokenizer_.Tokenize(text, max_tokens());
  std::vector<std::int32_t> ids;
  ids.reserve(tokens.size() + 2);
  ids.push_back(options_.cls_id);
  for (const core::Token& token : tokens) ids.push_back(token.id);
  ids.push_back(options_.sep_id);
  return ids;
}

void BatchingEmbedder::Work(Lane& lane) {
  while (true) {
    auto batch = lane.queue.PopBatch(lane.batch_tokens);
    if (batch.empty()) return;
    Run(std::move(batch));
  }
}

void BatchingEmbedder::Run(std::vector<QueuedText> batch) {
  // A caller whose deadline has passed is gone, or tells itself.
  std::erase_if(batch, [](const QueuedText& text) { return !text.request->wanted(); });
  if (batch.empty() || RunTogether(batch)) return;
  for (QueuedText& text : batch) {  // one of them is to blame: only its own request fails
    if (const base::Status alone = RunTogether({&text, 1}); !alone) text.request->Fail(alone.error());
  }
}

base::Status BatchingEmbedder::RunTogether(std::span<QueuedText> batch) {
  std::vector<std::vector<std::int32_t>> sequences;
  std::size_t tokens = 0;
  for (QueuedText& text : batch) {
    tokens += text.ids.size();
    sequences.push_back(std::move(text.ids));
  }
  const auto vectors = encoder_.Encode(sequences);
  if (!vectors) {
    for (std::size_t i = 0; i < batch.size(); ++i) batch[i].ids = std::move(sequences[i]);
    return vectors.error();
  }
  if (vectors->size() != batch.size() * dimensions()) {
    return {base::Code::kInternal,
            fmt::format("the encoder gave {} numbers for {} texts", vectors->size(), batch.size())};
  }
  embedded_tokens_.Add(static_cast<double>(tokens));
  tokens_rate_.Add(static_cast<double>(tokens));
  embedded_texts_.Add(static_cast<double>(batch.size()));
  for (std::size_t i = 0; i < batch.size(); ++i) {
    batch[i].request->Deliver(batch[i].index, std::span(*vectors).subspan(i * dimensions(), dimensions()));
  }
  return {};
}

}  // namespace millrace::embed
