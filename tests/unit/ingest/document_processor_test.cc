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

TEST(DocumentProcessor, FinishesWhatIsInWorkAtStopAsLongAsThereIsTime) {
  std::string content;
  for (int i = 0; i < 100; ++i) content += "This is sentence number " + std::to_string(i) + ". ";
  PipelineFixture in_time, late;
  in_time.embedder.StopAfter(1, in_time.stop, base::Deadline::AfterSeconds(60));
  EXPECT_EQ(in_time.Process(in_time.UploadOf(in_time.Accept(content))).kind, Kind::kIndexed);
  EXPECT_TRUE(in_time.stop.stopping());
  late.embedder.StopAfter(1, late.stop);
  EXPECT_EQ(late.Process(late.UploadOf(late.Accept(content))).kind, Kind::kAbandoned);
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
  const auto next_run = f.NewProcessor("worker-2", running);
  std::vector<Upload> batch;
  batch.push_back(f.UploadOf(accepted));
  const auto result = next_run->Process(std::move(batch), base::Deadline::AfterSeconds(10)).front();
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

TEST(DocumentProcessor, APermanentFailureOfARecordIsADeadLetterAtOnce) {
  PipelineFixture f;
  const auto bad = f.Accept("Some POISON here.");
  EXPECT_EQ(f.Process(f.RecordOf(bad, "Some POISON here.")).kind, Kind::kDeadLettered);
  EXPECT_EQ(f.Get(bad.id).status, core::DocumentStatus::kDeadLettered);
  const auto letters = f.store.dead_letters().List({}).value();
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(letters.front().document_id, bad.id);
  EXPECT_EQ(letters.front().version, 1);
  EXPECT_EQ(letters.front().original, (core::Position{core::kUploadsTopic, 1, 7}));
}

TEST(DocumentProcessor, ATransientFailureGoesThroughTheRetryTopics) {
  PipelineFixture f;
  const auto flaky = f.Accept("Some FLAKY text.");
  Upload upload = f.RecordOf(flaky, "Some FLAKY text.");
  EXPECT_EQ(f.Process(upload).kind, Kind::kRetrying);
  EXPECT_EQ(f.Get(flaky.id).status, core::DocumentStatus::kRetrying);
  EXPECT_TRUE(f.Get(flaky.id).next_attempt_at);

  upload.trace.attempt = 2;
  EXPECT_EQ(f.Process(upload).kind, Kind::kDeadLettered) << "after two delays";

  f.embedder.SetFlaky(false);
  const auto other = f.Accept("More FLAKY text.");
  upload = f.RecordOf(other, "More FLAKY text.");
  upload.trace.attempt = 1;
  EXPECT_EQ(f.Process(upload).kind, Kind::kIndexed);
}

TEST(DocumentProcessor, ARetryOfAnOlderVersionIsSkipped) {
  PipelineFixture f;
  const auto first = f.Accept("Old FLAKY text.", "k");
  const Upload upload = f.RecordOf(first, "Old FLAKY text.");
  EXPECT_EQ(f.Process(upload).kind, Kind::kRetrying);
  const auto second = f.Accept("New text.", "k");
  EXPECT_EQ(f.Process(f.UploadOf(second)).kind, Kind::kIndexed);
  f.embedder.SetFlaky(false);
  EXPECT_EQ(f.Process(upload).kind, Kind::kSkipped);
  EXPECT_EQ(ChunkTexts(f, first.id), (std::vector<std::string>{"New text."}));
}

TEST(DocumentProcessor, WhatADeadProcessLeftRunsAlone) {
  PipelineFixture f;
  const auto left = f.Accept("Left behind.");
  const auto other = f.Accept("Another one.");
  core::Work work;
  work.id = left.id;
  work.version = left.version;
  ASSERT_TRUE(f.store.effects().Begin({&work, 1}, "dead", base::Deadline::AfterSeconds(5)));
  std::vector<Upload> batch;
  for (const auto& accepted : {left, other}) batch.push_back(f.UploadOf(accepted));
  const auto results = f.processor.Process(std::move(batch), base::Deadline::AfterSeconds(10));
  EXPECT_EQ(results[0].kind, Kind::kIndexed);
  EXPECT_EQ(results[1].kind, Kind::kIndexed);
}

TEST(DocumentProcessor, TwoCrashesAloneQuarantine) {
  PipelineFixture f;
  const auto suspect = f.Accept("Deadly text.");
  core::Work work;
  work.id = suspect.id;
  work.version = suspect.version;
  for (const char* worker : {"first", "second", "third"}) {
    const auto orders = f.store.effects().Begin({&work, 1}, worker, base::Deadline::AfterSeconds(5));
    ASSERT_TRUE(orders);
    work.alone = true;
  }
  EXPECT_EQ(f.Process(f.RecordOf(suspect, "Deadly text.")).kind, Kind::kDeadLettered);
  const auto record = f.Get(suspect.id);
  EXPECT_EQ(record.status, core::DocumentStatus::kDeadLettered);
  EXPECT_EQ(record.error->code, "crashes_worker");
  EXPECT_EQ(f.embedder.texts_seen(), 0u) << "it must not be run again";
}

TEST(DocumentProcessor, AnAbandonedDocumentIsNoSuspect) {
  PipelineFixture f;
  const auto accepted = f.Accept("Patience pays.");
  f.embedder.FailTimes(1000);
  f.stop.Stop();
  EXPECT_EQ(f.Process(f.UploadOf(accepted)).kind, Kind::kAbandoned);
  core::Work work;
  work.id = accepted.id;
  work.version = accepted.version;
  const auto orders = f.store.effects().Begin({&work, 1}, "next", base::Deadline::AfterSeconds(5));
  ASSERT_TRUE(orders);
  EXPECT_EQ(orders->front().verdict, core::WorkOrder::Verdict::kProcess);
}

}  // namespace
}  // namespace millrace::ingest
