#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <map>
#include <set>
#include <thread>
#include <vector>

#include "base/deadline.h"
#include "unit/sqlite/temporary_store.h"

namespace millrace::sqlite {
namespace {

/// What the dying process says it was promised.
struct Promise {
  enum Kind : std::int64_t { kAccepted, kPublished, kProduced } kind;
  std::int64_t id;  // document, or offset
};

void Say(int pipe, Promise promise) {
  if (write(pipe, &promise, sizeof(promise)) != sizeof(promise)) _exit(3);
}

core::Effects EffectsOf(core::DocumentId id, int first, int count) {
  core::Effects effects;
  effects.id = id;
  effects.version = 1;
  for (int i = first; i < first + count; ++i) effects.chunks.push_back({i, "chunk", i, i + 1});
  effects.vectors.assign(static_cast<std::size_t>(count) * 8, 0.5F);
  return effects;
}

/// Accepts, sends, processes in stages and produces until it is killed.
[[noreturn]] void WorkUntilKilled(const SqliteOptions& options, int pipe) {
  auto opened = SqliteDatabase::Open(options);
  if (!opened) _exit(2);
  SqliteDatabase& db = **opened;
  (void)db.log_admin().CreateTopic({"t", 1, 1, {}});
  const auto work = [&](int worker) {
    for (int round = 0;; ++round) {
      core::NewDocument document;
      document.title = "t";
      document.content = std::string(static_cast<std::size_t>(500 + round % 3 * 20'000), 'x');
      const std::vector<core::NewDocument> batch(3, document);
      const auto accepted = db.documents().Accept(batch, Soon());
      if (!accepted) _exit(4);
      for (const auto& one : *accepted) Say(pipe, {Promise::kAccepted, one.id});
      if (worker == 0) {
        const auto rows = db.outbox().Claim(50, 0, std::chrono::hours(1));
        std::vector<core::Sent> sent;
        for (const auto& row : *rows) sent.push_back({row.id, {row.topic, 0, row.id}});
        if (!db.outbox().MarkSent(sent)) _exit(5);
      }
      const core::DocumentId id = accepted->front().id;
      core::Work one;
      one.id = id;
      one.version = 1;
      if (!db.effects().Begin({&one, 1}, "worker", Soon())) _exit(6);
      if (!db.effects().Stage(EffectsOf(id, 0, 5), Soon())) _exit(7);
      const core::Effects last = EffectsOf(id, 5, 4);
      if (!db.effects().Publish({&last, 1}, Soon())) _exit(8);
      Say(pipe, {Promise::kPublished, id});
      core::LogRecord record;
      record.position.topic = "t";
      record.value = std::to_string(id);
      const auto produced = db.producer().Produce({record}, Soon());
      if (!produced || !produced->front()) _exit(9);
      Say(pipe, {Promise::kProduced, (*produced->front()).offset});
    }
  };
  std::thread other(work, 1);
  work(0);
  _exit(0);
}

class CrashTest : public StoreTest {
 protected:
  /// Runs the writer until it was promised `after` things, kills it, and gives what it had been promised.
  std::map<Promise::Kind, std::set<std::int64_t>> RunAndKill(int after) {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
      close(ends[0]);
      WorkUntilKilled(options_, ends[1]);
    }
    close(ends[1]);
    std::map<Promise::Kind, std::set<std::int64_t>> promises;
    std::atomic<int> count = 0;
    std::thread reader([&] {
      Promise promise;
      while (read(ends[0], &promise, sizeof(promise)) == sizeof(promise)) {
        promises[promise.kind].insert(promise.id);
        ++count;
      }
    });
    const auto patience = base::Deadline::After(std::chrono::seconds(60));
    while (count < after && !patience.expired()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    kill(child, SIGKILL);
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status)) << "it ended by itself: " << WEXITSTATUS(status);
    reader.join();
    close(ends[0]);
    return promises;
  }

  std::set<core::DocumentId> DocumentsWithUploadRow() {
    std::set<core::DocumentId> ids;
    while (true) {
      const auto rows = db().outbox().Claim(1000, 0, std::chrono::hours(1));
      EXPECT_TRUE(rows);
      if (rows->empty()) return ids;
      std::vector<core::Sent> events;
      for (const auto& row : *rows) {
        if (row.topic == core::kEventsTopic) events.push_back({row.id, {}});
        if (row.topic == core::kUploadsTopic) {
          EXPECT_TRUE(ids.insert(row.document_id).second) << "two upload rows";
        }
      }
      EXPECT_TRUE(db().outbox().MarkSent(events));
    }
  }
};

TEST_F(CrashTest, WhatWasPromisedIsThereAfterAKill) {
  std::map<Promise::Kind, std::set<std::int64_t>> promised;
  for (const int after : {17, 30, 44, 61}) {
    for (auto& [kind, ids] : RunAndKill(after)) promised[kind].merge(ids);
  }
  ASSERT_GT(promised[Promise::kAccepted].size(), 20u);
  ASSERT_GT(promised[Promise::kPublished].size(), 5u);
  const std::set<core::DocumentId> owed = DocumentsWithUploadRow();
  for (const auto id : promised[Promise::kAccepted]) {
    const auto record = db().documents().Get(id);
    ASSERT_TRUE(record) << "document " << id;
    ASSERT_TRUE(db().contents().ReadPart(id, 1, 0)) << "content of " << id;
    const bool indexed = record->indexed_version == 1;
    EXPECT_TRUE(indexed || promised[Promise::kPublished].count(id) == 0) << id;
    // The message is owed, or was sent, or is needless because its version is indexed.
    EXPECT_EQ(owed.count(id) + (record->position ? 1U : 0U), indexed && !record->position ? 0U : 1U) << id;
    EXPECT_EQ(db().chunks().ListChunks(id, 0, 100)->size(), indexed ? 9u : 0u) << id;
    const auto entry = db().index_feed().Load({&id, 1});
    ASSERT_TRUE(entry) << entry.error().message;
    EXPECT_EQ(entry->front().vectors.size(), indexed ? 9u * 8 : 0u);
  }
  const auto topics = db().log_admin().ListTopics();
  ASSERT_TRUE(topics);
  const auto high = topics->front().watermarks.at(0).high;
  auto reader = db().NewConsumer("");
  ASSERT_TRUE(reader->Assign({{"t", 0, 0}}));
  std::int64_t next = 0;
  while (next < high) {
    const auto records = reader->Poll(1000, Soon());
    ASSERT_TRUE(records);
    ASSERT_FALSE(records->empty());
    for (const auto& record : *records) EXPECT_EQ(record.position.offset, next++);  // no gaps
  }
  EXPECT_TRUE(promised[Promise::kProduced].empty() || *promised[Promise::kProduced].rbegin() < high);
}

}  // namespace
}  // namespace millrace::sqlite
