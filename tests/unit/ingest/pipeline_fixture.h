#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "adapters/memory/memory_log.h"
#include "adapters/memory/memory_store.h"
#include "base/metrics.h"
#include "base/signal.h"
#include "core/embedder.h"
#include "ingest/document_processor.h"

namespace millrace::ingest {

/// One token a word.
class WordTokenizer final : public core::Tokenizer {
 public:
  std::vector<core::Token> Tokenize(std::string_view text, std::size_t max_tokens) const override {
    std::vector<core::Token> tokens;
    std::size_t pos = 0;
    while (tokens.size() < max_tokens) {
      const std::size_t begin = text.find_first_not_of(" \n", pos);
      if (begin == std::string_view::npos) break;
      pos = std::min(text.find_first_of(" \n", begin), text.size());
      tokens.push_back({1, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(pos)});
    }
    return tokens;
  }
  std::size_t CountTokens(std::string_view text, std::size_t stop_at) const override {
    return Tokenize(text, stop_at).size();
  }
};

/// Gives each text a one-hot vector by its length; fails as told.
class ScriptedEmbedder final : public core::Embedder {
 public:
  std::size_t dimensions() const override { return 4; }
  std::size_t max_tokens() const override { return 254; }
  const core::Tokenizer& tokenizer() const override { return tokenizer_; }

  base::Result<std::vector<float>> Embed(std::span<const std::string_view> texts, Priority, base::Deadline) override {
    std::lock_guard lock(mutex_);
    texts_ += texts.size();
    if (stop_ != nullptr && texts_ >= stop_after_) stop_->Stop(finish_by_);
    if (outages_ > 0) {
      --outages_;
      return base::Error{base::Code::kUnavailable, "the model is away", {}};
    }
    std::vector<float> vectors(texts.size() * 4, 0);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (texts[i].find("FLAKY") != std::string_view::npos && flaky_) {
        return base::Error{base::Code::kInternal, "the model stumbles", {}};
      }
      if (texts[i].find("POISON") != std::string_view::npos) {
        return base::Error{base::Code::kInvalidArgument, "the model refuses this", {}};
      }
      vectors[i * 4 + texts[i].size() % 4] = 1;
    }
    return vectors;
  }

  void FailTimes(int times) {
    std::lock_guard lock(mutex_);
    outages_ = times;
  }
  /// Whether texts with the word FLAKY fail.
  void SetFlaky(bool flaky) {
    std::lock_guard lock(mutex_);
    flaky_ = flaky;
  }
  /// A shutdown that comes while text number `texts` is in the model.
  void StopAfter(std::size_t texts, base::StopFlag& stop, base::Deadline finish_by = base::Deadline::Expired()) {
    std::lock_guard lock(mutex_);
    stop_after_ = texts;
    finish_by_ = finish_by;
    stop_ = &stop;
  }
  std::size_t texts_seen() const {
    std::lock_guard lock(mutex_);
    return texts_;
  }

 private:
  WordTokenizer tokenizer_;
  mutable std::mutex mutex_;
  int outages_ = 0;
  bool flaky_ = true;
  std::size_t texts_ = 0;
  std::size_t stop_after_ = 0;
  base::Deadline finish_by_ = base::Deadline::Expired();
  base::StopFlag* stop_ = nullptr;
};

/// The pipeline's surroundings in memory.
struct PipelineFixture {
  memory::MemoryStore store;
  memory::MemoryLog log;
  base::Metrics metrics;
  base::StopFlag stop;
  ScriptedEmbedder embedder;
  core::StoreIdentity identity = store.admin().Identity().value();
  std::vector<RetryTopic> retry_topics = ParseRetryDelays("5s,1m").value();
  DocumentProcessor processor{
      {store.effects(), store.contents(), embedder}, "worker-1", {identity, retry_topics}, metrics, stop, [] {}};

  core::Accepted Accept(std::string content, std::optional<std::string> key = {}) {
    core::NewDocument document;
    document.key = std::move(key);
    document.title = "title";
    document.content = std::move(content);
    document.chunking.strategy = core::ChunkStrategy::kSentence;
    auto accepted = store.documents().Accept({&document, 1}, base::Deadline::AfterSeconds(5));
    return accepted.value().front();
  }

  /// Another process on the same store.
  std::unique_ptr<DocumentProcessor> NewProcessor(const std::string& worker, const base::StopFlag& its_stop) {
    return std::make_unique<DocumentProcessor>(DocumentProcessor::Ports{store.effects(), store.contents(), embedder},
                                               worker, FailureRoute{identity, retry_topics}, metrics, its_stop, [] {});
  }

  /// As it comes from the log: with its record.
  Upload RecordOf(const core::Accepted& accepted, std::string content) const {
    core::OutboxRow row;
    row.topic = core::kUploadsTopic;
    row.document_id = accepted.id;
    row.version = accepted.version;
    row.content = std::move(content);
    core::LogRecord record = EncodeUpload(row, identity);
    record.headers.push_back({"source", std::string("a\0b", 3)});
    record.position = {core::kUploadsTopic, 1, 7};
    return TakeUpload(std::move(record), identity);
  }

  static Upload UploadOf(const core::Accepted& accepted) {
    Upload upload;
    upload.work.id = accepted.id;
    upload.work.version = accepted.version;
    return upload;
  }

  Processed Process(Upload upload) {
    std::vector<Upload> batch;
    batch.push_back(std::move(upload));
    return processor.Process(std::move(batch), base::Deadline::AfterSeconds(10)).front();
  }

  core::DocumentRecord Get(core::DocumentId id) { return store.documents().Get(id).value(); }
};

}  // namespace millrace::ingest
