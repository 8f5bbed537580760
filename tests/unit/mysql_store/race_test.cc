#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <random>
#include <set>

#include "unit/mysql_store/store_test.h"

/// Several processes on the same documents at the same time: what one writer thread spares an embedded store.
namespace millrace::mysql {
namespace {

using core::Applied;
using core::DocumentStatus;
using Verdict = core::WorkOrder::Verdict;

class MysqlRaceTest : public MysqlStoreTest {};

TEST_F(MysqlRaceTest, TheSameNewKeysInOppositeOrderMakeOneDocumentEach) {
  constexpr int kKeys = 40, kRounds = 8;
  std::array<std::vector<core::Accepted>, 2> accepted;
  for (int round = 0; round < kRounds; ++round) {
    const auto bulk = [&](int process) {
      std::vector<core::NewDocument> documents;
      for (int k = 0; k < kKeys; ++k) {
        const std::string key = std::to_string(round) + "/" + std::to_string(process == 0 ? k : kKeys - 1 - k);
        documents.push_back(Keyed(key, "t", "of process " + std::to_string(process)));
      }
      const auto result = (process == 0 ? a() : b()).documents.Accept(documents, Soon());
      ASSERT_TRUE(result) << result.error().message;
      accepted[static_cast<std::size_t>(process)] = *result;
    };
    AtOnce({[&] { bulk(0); }, [&] { bulk(1); }});
    std::reverse(accepted[1].begin(), accepted[1].end());
    for (std::size_t k = 0; k < kKeys; ++k) {
      EXPECT_EQ(accepted[0][k].id, accepted[1][k].id);
      EXPECT_EQ(accepted[0][k].version + accepted[1][k].version, 3);  // 1 and 2
    }
  }
  EXPECT_EQ(Count("documents"), kKeys * kRounds);
  EXPECT_EQ(Count("document_state WHERE version = 2"), kKeys * kRounds);
  EXPECT_EQ(Count("outbox"), 5 * kKeys * kRounds);  // uploads and events of both versions, and that one is superseded
}

TEST_F(MysqlRaceTest, TheFirstRecordsOfAnUnknownDocumentGetVersionsOneAfterTheOther) {
  const auto now = core::Now();
  for (core::DocumentId id = 100; id < 120; ++id) {
    std::array<core::WorkOrder, 2> orders;
    const auto begin = [&](int process) {
      auto work = ForeignWork(id, process, now, "record " + std::to_string(process));
      work.position.partition = 0;
      const auto result = (process == 0 ? a() : b()).effects.Begin({&work, 1}, contract::kWorker, Soon());
      ASSERT_TRUE(result) << result.error().message;
      orders[static_cast<std::size_t>(process)] = result->front();
    };
    AtOnce({[&] { begin(0); }, [&] { begin(1); }});
    const bool in_order = orders[0].verdict == Verdict::kProcess;
    EXPECT_EQ(orders[1].verdict, Verdict::kProcess);
    if (in_order) {
      EXPECT_EQ(orders[0].version, 1);
      EXPECT_EQ(orders[1].version, 2);
    } else {
      EXPECT_EQ(orders[0].verdict, Verdict::kSuperseded);
      EXPECT_EQ(orders[1].version, 1);
    }
    EXPECT_EQ(*a().contents.ReadPart(id, orders[1].version, 0), "record 1");
  }
  EXPECT_EQ(Count("documents WHERE content = 'record 1'"), 20);
}

TEST_F(MysqlRaceTest, BatchesThatOverlapInAnyOrderDoNotBlockEachOtherForGood) {
  constexpr int kDocuments = 60, kThreads = 4;
  std::vector<core::DocumentId> ids;
  for (int i = 0; i < kDocuments; ++i) ids.push_back(Accept(Keyless("t", "c" + std::to_string(i))));
  std::atomic<int> published = 0;
  const auto work = [&](int seed) {
    auto fixture = seed % 2 == 0 ? a() : b();
    std::mt19937 random(static_cast<unsigned>(seed));
    std::vector<core::DocumentId> mine(ids);
    std::shuffle(mine.begin(), mine.end(), random);
    for (std::size_t first = 0; first < mine.size(); first += 20) {
      std::vector<core::Work> works;
      std::vector<core::Effects> effects;
      for (std::size_t i = first; i < first + 20; ++i) {
        works.push_back(OwnWork(mine[i], 1));
        effects.push_back(MakeEffects(mine[i], 1, 2));
      }
      const auto orders = fixture.effects.Begin(works, contract::kWorker, Soon());
      ASSERT_TRUE(orders) << orders.error().message;
      const auto applied = fixture.effects.Publish(effects, Soon());
      ASSERT_TRUE(applied) << applied.error().message;
      published += static_cast<int>(std::count(applied->begin(), applied->end(), Applied::kYes));
    }
  };
  std::vector<std::function<void()>> bodies;
  for (int t = 0; t < kThreads; ++t) bodies.emplace_back([&work, t] { work(t); });
  AtOnce(bodies);
  EXPECT_EQ(published, kDocuments);  // each once
  EXPECT_EQ(Count("embeddings"), 2 * kDocuments);
}

TEST_F(MysqlRaceTest, ARecordThatTwoProcessesReadIsOneDeadLetter) {
  constexpr int kRecords = 40;
  const auto list = [&](int process) {
    std::vector<core::DeadLetterDraft> drafts;
    for (int i = 0; i < kRecords; ++i) {
      drafts.push_back(contract::MakeDeadLetter(0, 0, process == 0 ? i : kRecords - 1 - i));
    }
    const auto status = (process == 0 ? a() : b()).effects.DeadLetter(drafts, Soon());
    EXPECT_TRUE(status) << status.error().message;
  };
  AtOnce({[&] { list(0); }, [&] { list(1); }});
  EXPECT_EQ(Count("dead_letters"), kRecords);
  EXPECT_EQ(Count("outbox"), kRecords);
}

TEST_F(MysqlRaceTest, FailuresRedrivesDeletesAndReportsOfTheSameDocumentsEndWell) {
  constexpr int kDocuments = 12, kRounds = 15;
  std::vector<core::DocumentId> ids;
  for (int i = 0; i < kDocuments; ++i) ids.push_back(Accept(Keyless("t", "c" + std::to_string(i))));
  const auto ok = [](const auto& result) { EXPECT_TRUE(result) << result.error().message; };
  const auto fail = [&](contract::StoreFixture fixture, int seed) {
    std::mt19937 random(static_cast<unsigned>(seed));
    for (int round = 0; round < kRounds; ++round) {
      std::vector<core::Failure> failures;
      for (const core::DocumentId id : ids) {
        core::Failure failure{id, 1, {"code", "m", "s"}, {}, {}};
        if (random() % 2 == 0) failure.retry = {contract::MakeCopy("document-uploads-retry-5s"), core::Now()};
        if (!failure.retry) failure.dead_letter = contract::MakeDeadLetter(id, 1, id);
        failures.push_back(std::move(failure));
      }
      std::shuffle(failures.begin(), failures.end(), random);
      ok(fixture.effects.Fail(failures, Soon()));
    }
  };
  const auto redrive = [&](contract::StoreFixture fixture) {
    for (int round = 0; round < kRounds; ++round) {
      const auto letters = fixture.dead_letters.List({});
      ok(letters);
      for (const auto& letter : *letters) {
        const auto status = fixture.dead_letters.Redrive(letter.id, contract::MakeCopy(core::kUploadsTopic), Soon());
        if (status) continue;
        EXPECT_NE(status.error().code, base::Code::kInternal) << status.error().message;
        EXPECT_NE(status.error().code, base::Code::kUnavailable) << status.error().message;
      }
    }
  };
  const auto send = [&](contract::StoreFixture fixture) {
    for (int round = 0; round < kRounds; ++round) {
      const auto rows = fixture.outbox.Claim(100, 1000, std::chrono::minutes(1));
      ok(rows);
      std::vector<core::Sent> sent;
      for (const auto& row : *rows) sent.push_back({row.id, {row.topic, 0, row.id}});
      ok(fixture.outbox.MarkSent(sent));
    }
  };
  AtOnce({[&] { fail(a(), 1); }, [&] { fail(b(), 2); }, [&] { redrive(a()); }, [&] { redrive(b()); },
          [&] { send(a()); }, [&] { send(b()); },
          [&] {
            for (std::size_t i = 0; i < ids.size(); i += 3) ok(b().documents.Delete(ids[i], Soon()));
          }});
  EXPECT_EQ(Count("dead_letters d JOIN document_state s USING (document_id) WHERE s.status = 'deleted'"), 0);
  EXPECT_EQ(Count("dead_letters"), Count("(SELECT DISTINCT document_id FROM dead_letters) d"));
}

TEST_F(MysqlRaceTest, AcceptPublishFailAndDeleteOfOneDocumentEndInAStateThatFits) {
  for (int round = 0; round < 25; ++round) {
    const std::string key = "k" + std::to_string(round);
    const auto id = Accept(Keyed(key, "t", "one"));
    Applied published = Applied::kFenced, failed = Applied::kFenced;
    core::Accepted second;
    bool removed = false;
    const auto document = Keyed(key, "t", "two");
    const auto effects = MakeEffects(id, 1, 3);
    const core::Failure failure{id, 1, {"no_text", "The document has no text.", "chunk"}, {}, {}};
    AtOnce({[&] {
              published = b().effects.Publish({&effects, 1}, Soon())->front();
            },
            [&] {
              failed = a().effects.Fail({&failure, 1}, Soon())->front();
            },
            [&] {
              second = b().documents.Accept({&document, 1}, Soon())->front();
            },
            [&] { removed = round % 2 == 0 && a().documents.Delete(id, Soon()).has_value(); }});
    EXPECT_EQ(removed, round % 2 == 0);
    const std::string of_document = " WHERE document_id = " + std::to_string(id);
    const bool indexed = published == Applied::kYes && !(removed && second.id != id);
    EXPECT_FALSE(failed == Applied::kYes && second.version == 2 && second.id == id && removed == false &&
                 a().documents.Get(id)->status == DocumentStatus::kFailed);  // the newer version is not failed
    if (removed) {
      EXPECT_EQ(a().documents.Get(id).error().code, base::Code::kNotFound);
      for (const char* table : {"embeddings", "document_contents", "document_versions", "retired_versions"}) {
        EXPECT_EQ(Count(table + of_document), 0) << table;
      }
      EXPECT_EQ(Count("outbox" + of_document + " AND topic <> 'document-events'"), 0);
    } else {
      const auto record = a().documents.Get(id);
      ASSERT_TRUE(record);
      EXPECT_EQ(record->version, 2);
      EXPECT_EQ(record->status, DocumentStatus::kQueued);
      EXPECT_EQ(record->indexed_version, indexed ? 1 : 0);
      EXPECT_EQ(record->chunk_count, indexed ? 3 : 0);
      EXPECT_EQ(Count("embeddings" + of_document), indexed ? 3 : 0);
    }
  }
}

TEST_F(MysqlRaceTest, TwoRelaysSendEachVersionOnceAndInOrder) {
  constexpr int kKeys = 6, kVersions = 25;
  std::mutex mutex;
  std::map<core::DocumentId, std::vector<core::Version>> sent;
  std::atomic<bool> accepting = true;
  const auto relay = [&](contract::StoreFixture fixture) {
    while (true) {
      const bool last = !accepting;
      const auto rows = fixture.outbox.Claim(7, 1000, std::chrono::minutes(1));
      ASSERT_TRUE(rows) << rows.error().message;
      std::vector<core::Sent> reports;
      std::vector<std::int64_t> given_back;
      for (const auto& row : *rows) {
        if (row.id % 5 == 0 && !last) {
          given_back.push_back(row.id);
          continue;
        }
        reports.push_back({row.id, {row.topic, 0, row.id}});
        if (row.topic != core::kUploadsTopic) continue;
        std::lock_guard lock(mutex);
        sent[row.document_id].push_back(row.version);
      }
      const auto released = fixture.outbox.Release(given_back);
      ASSERT_TRUE(released) << released.error().message;
      const auto marked = fixture.outbox.MarkSent(reports);
      ASSERT_TRUE(marked) << marked.error().message;
      if (last && rows->empty() && fixture.outbox.Backlog()->rows == 0) return;
    }
  };
  const auto accept = [&] {
    for (int version = 1; version <= kVersions; ++version) {
      std::vector<core::NewDocument> documents;
      for (int key = 0; key < kKeys; ++key) {
        documents.push_back(Keyed("k" + std::to_string(key), "t", std::to_string(version)));
      }
      ASSERT_TRUE(a().documents.Accept(documents, Soon()));
    }
    accepting = false;
  };
  AtOnce({accept, [&] { relay(a()); }, [&] { relay(b()); }});
  EXPECT_EQ(sent.size(), static_cast<std::size_t>(kKeys));
  for (const auto& [id, versions] : sent) {
    ASSERT_EQ(versions.size(), static_cast<std::size_t>(kVersions)) << id;
    for (int i = 0; i < kVersions; ++i) EXPECT_EQ(versions[static_cast<std::size_t>(i)], i + 1);
  }
}

}  // namespace
}  // namespace millrace::mysql
