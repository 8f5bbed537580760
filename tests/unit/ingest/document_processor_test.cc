#include "ingest/document_processor.h"

#include <gtest/gtest.h>

#include "unit/ingest/pipeline_fixture.h"

namespace millrace::ingest {
namespace {

using Kind = Processed::Kind;

std::vector<std::string> ChunkTexts(PipelineFixture& f, core::DocumentId id) {
  std::vector<std::string> texts;
  const auto chunks = f.store.chunks().ListChunks(id, 0, 10'000);
  for (const core::StoredChunk& chunk : *chunks) texts.push_back(chunk.chunk.text);
  return texts;
}

TEST(DocumentProcessor, IndexesADocumentOnce) {
  PipelineFixture f;
  const auto accepted = f.Accept("One sentence. Another one.");
  EXPECT_EQ(f.Process(f.UploadOf(accepted)).kind, Kind::kIndexed);
  EXPECT_EQ(f.Process(f.UploadOf(accepted)).kind, Kind::kSkipped) << "the same version again";
  EXPECT_EQ(ChunkTexts(f, accepted.id), (std::vector<std::string>{"One sentence.", "Another one."}));
  EXPECT_EQ(f.Get(accepted.id).status, core::DocumentStatus::kIndexed);
}

TEST(DocumentProcessor, SkipsAnOvertakenVersionAndADeletedDocument) {
  PipelineFixture f;
  const auto first = f.Accept("Old text.", "k");
  const auto second = f.Accept("New text.", "k");
  EXPECT_EQ(f.Process(f.UploadOf(first)).kind, Kind::kSkipped);
  EXPECT_EQ(f.Process(f.UploadOf(second)).kind, Kind::kIndexed);
  EXPECT_EQ(ChunkTexts(f, second.id), (std::vector<std::string>{"New text."}));

  ASSERT_TRUE(f.store.documents().Delete(second.id, base::Deadline::AfterSeconds(5)));
  EXPECT_EQ(f.Process(f.UploadOf(second)).kind, Kind::kSkipped);
  EXPECT_TRUE(ChunkTexts(f, second.id).empty());
}

TEST(DocumentProcessor, ABadDocumentFailsAloneAndSaysWhy) {
  PipelineFixture f;
  const auto good = f.Accept("Fine text.");
  const auto bad = f.Accept("Some POISON here.");
  const auto also_good = f.Accept("More fine text.");
  std::vector<Upload> batch;
  for (const auto& accepted : {good, bad, also_good}) batch.push_back(f.UploadOf(accepted));
  const auto results = f.processor.Process(std::move(batch), base::Deadline::AfterSeconds(10));
  EXPECT_EQ(results[0].kind, Kind::kIndexed);
  EXPECT_EQ(results[1].kind, Kind::kFailed);
  EXPECT_EQ(results[2].kind, Kind::kIndexed);
  const auto record = f.Get(bad.id);
  EXPECT_EQ(record.status, core::DocumentStatus::kFailed);
  ASSERT_TRUE(record.error);
  EXPECT_EQ(record.error->stage, "embed");
  EXPECT_EQ(record.error->code, "embedding_failed");
  EXPECT_EQ(record.error->message, "the model refuses this");
}

TEST(DocumentProcessor, WaitsOutAnOutageInsteadOfFailing) {
  PipelineFixture f;
  const auto accepted = f.Accept("Patience pays.");
  f.embedder.FailTimes(3);
  EXPECT_EQ(f.Process(f.UploadOf(accepted)).kind, Kind::kIndexed);
}

TEST(DocumentProcessor, AbandonsAtStopWithoutBlamingTheDocument) {
  PipelineFixture f;
  const auto accepted = f.Accept("Patience pays.");
  f.embedder.FailTimes(1000);
  f.stop.Stop();
  EXPECT_EQ(f.Process(f.UploadOf(accepted)).kind, Kind::kAbandoned);
  EXPECT_EQ(f.Get(accepted.id).status, core::DocumentStatus::kProcessing);
}

TEST(DocumentProcessor, StagesALongDocumentAndGoesOnWhereItStopped) {
  PipelineFixture f;
  std::string content;
  const int sentences = 1000;
  for (int i = 0; i < sentences; ++i) content += "This is sentence number " + std::to_string(i) + ". ";
  const auto accepted = f.Accept(content);

  f.embedder.StopAfter(core::Effects::kMaxRows, f.stop);
  EXPECT_EQ(f.Process(f.UploadOf(accepted)).kind, Kind::kAbandoned);
  EXPECT_TRUE(ChunkTexts(f, accepted.id).empty()) << "a half-done document must not be seen";
  const std::size_t embedded_before = f.embedder.texts_seen();
  EXPECT_EQ(embedded_before, core::Effects::kMaxRows);

  base::StopFlag running;
  DocumentProcessor next_run({f.store.effects(), f.store.contents(), f.embedder}, f.metrics, running, [] {});
  std::vector<Upload> batch;
  batch.push_back(f.UploadOf(accepted));
  const auto result = next_run.Process(std::move(batch), base::Deadline::AfterSeconds(10)).front();
  EXPECT_EQ(result.kind, Kind::kIndexed);
  EXPECT_EQ(result.chunks, sentences);
  EXPECT_EQ(f.embedder.texts_seen(), static_cast<std::size_t>(sentences)) << "what was staged is not embedded again";
  const auto texts = ChunkTexts(f, accepted.id);
  ASSERT_EQ(texts.size(), static_cast<std::size_t>(sentences));
  for (int i = 0; i < sentences; ++i) EXPECT_EQ(texts[i], "This is sentence number " + std::to_string(i) + ".");
}

TEST(DocumentProcessor, TakesAForeignMessage) {
  PipelineFixture f;
  Upload upload;
  upload.work.id = 999;
  upload.work.title = "From elsewhere";
  upload.work.content = "A foreign sentence.";
  upload.work.position = {core::kUploadsTopic, 0, 5};
  upload.work.timestamp = core::Now();
  const auto result = f.Process(std::move(upload));
  EXPECT_EQ(result.kind, Kind::kIndexed) << result.reason;
  EXPECT_EQ(ChunkTexts(f, 999), (std::vector<std::string>{"A foreign sentence."}));
}

}  // namespace
}  // namespace millrace::ingest
