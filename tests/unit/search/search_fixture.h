#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "adapters/memory/float_index.h"
#include "adapters/memory/memory_log.h"
#include "adapters/memory/memory_store.h"
#include "base/metrics.h"
#include "search/analytics.h"
#include "search/event_hub.h"
#include "search/index_follower.h"
#include "search/search_service.h"
#include "unit/eventually.h"

namespace millrace::search {

/// A text `x y` is the direction (x, y).
class PlaneEmbedder final : public core::Embedder {
 public:
  class NoTokenizer final : public core::Tokenizer {
   public:
    std::vector<core::Token> Tokenize(std::string_view, std::size_t) const override { return {}; }
    std::size_t CountTokens(std::string_view, std::size_t) const override { return 0; }
  };

  static std::vector<float> VectorOf(const std::string& text) {
    const float x = std::stof(text), y = std::stof(text.substr(text.find(' ')));
    const float length = std::sqrt(x * x + y * y);
    return {x / length, y / length};
  }

  std::size_t dimensions() const override { return 2; }
  std::size_t max_tokens() const override { return 254; }
  const core::Tokenizer& tokenizer() const override { return tokenizer_; }
  base::Result<std::vector<float>> Embed(std::span<const std::string_view> texts, Priority, base::Deadline) override {
    return VectorOf(std::string(texts.front()));
  }

 private:
  NoTokenizer tokenizer_;
};

/// Store and log in memory, with a follower that keeps an exact index beside them.
struct SearchFixture {
  memory::MemoryStore store;
  memory::MemoryLog log;
  memory::FloatIndex index;
  base::Metrics metrics;
  EventHub hub;
  PlaneEmbedder embedder;
  IndexFollower follower{{store.index_feed(), index, log.admin(), [this] { return log.NewConsumer(""); }, hub},
                         metrics};
  Analytics analytics{log.producer(), metrics};
  SearchService search{{embedder, index, store.chunks(), follower, analytics}, metrics};

  SearchFixture() {
    for (const char* topic : {core::kEventsTopic, core::kAnalyticsTopic}) {
      EXPECT_TRUE(log.admin().CreateTopic({topic, 1, 1, {}}));
    }
  }
  ~SearchFixture() { follower.Stop(); }

  bool Start() {
    follower.Start();
    return Eventually([this] { return follower.ready(); });
  }

  core::Accepted Accept(const std::string& title, std::optional<std::string> key = {}) {
    core::NewDocument document;
    document.title = title;
    document.content = title;
    document.key = std::move(key);
    return store.documents().Accept({&document, 1}, base::Deadline::AfterSeconds(5))->front();
  }

  /// Chunks as the pipeline would commit them.
  void Publish(const core::Accepted& accepted, const std::vector<std::string>& texts) {
    core::Effects effects;
    effects.id = accepted.id;
    effects.version = accepted.version;
    for (const std::string& text : texts) {
      effects.chunks.push_back({static_cast<std::int32_t>(effects.chunks.size()), text, 0, 1});
      const auto vector = PlaneEmbedder::VectorOf(text);
      effects.vectors.insert(effects.vectors.end(), vector.begin(), vector.end());
    }
    EXPECT_EQ(store.effects().Publish({&effects, 1}, base::Deadline::AfterSeconds(5))->front(), core::Applied::kYes);
  }

  core::DocumentId Add(const std::string& title, const std::vector<std::string>& texts) {
    const auto accepted = Accept(title);
    Publish(accepted, texts);
    return accepted.id;
  }

  base::Status Refresh(core::DocumentId id) { return follower.Refresh({&id, 1}, base::Deadline::AfterSeconds(5)); }

  /// Carries what the store owes to the log, as the relay does.
  void Relay() {
    while (true) {
      const auto rows = store.outbox().Claim(100, 0, std::chrono::seconds(1)).value();
      std::vector<core::LogRecord> records;
      std::vector<core::Sent> sent;
      for (const auto& row : rows) {
        sent.push_back({row.id, {row.topic, 0, 0}});
        if (row.record) records.push_back(*row.record);
      }
      if (rows.empty()) return;
      EXPECT_TRUE(log.producer().Produce(std::move(records), base::Deadline::AfterSeconds(5)));
      EXPECT_TRUE(store.outbox().MarkSent(sent));
    }
  }

  std::vector<std::string> Ask(const std::string& query, std::size_t top_k, std::size_t max_per_document = 0) {
    SearchRequest request;
    request.query = query;
    request.top_k = top_k;
    request.max_per_document = max_per_document;
    const auto answer = search.Ask(request, base::Deadline::AfterSeconds(5));
    std::vector<std::string> texts;
    if (!answer) return {answer.error().message};
    for (const SearchHit& hit : answer->hits) texts.push_back(hit.chunk.chunk.text);
    return texts;
  }
};

}  // namespace millrace::search
