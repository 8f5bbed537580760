#include "adapters/mysql/state_rows.h"

#include <functional>
#include <tuple>
#include <vector>

#include "unit/mysql_store/store_test.h"

namespace millrace::mysql {
namespace {

using core::DocumentStatus;
using std::chrono::milliseconds;

core::Timestamp At(std::int64_t time) { return core::Timestamp(milliseconds(time)); }

auto Members(const StateRow& row) {
  const core::DocumentError error = row.error.value_or(core::DocumentError());
  return std::tuple(row.id, row.version, row.indexed_version, row.deleted_version, row.revision, row.status,
                    row.attempts, row.next_attempt_at, row.deleted_at, row.created_at, row.position, row.position_at,
                    row.position_version, row.chunk_count, row.staged, row.progress_at, row.steps.received,
                    row.steps.chunked, row.steps.embedded, row.steps.stored, row.error.has_value(), error.code,
                    error.message, error.stage, row.warning, row.mark.worker, row.mark.alone, row.mark.crashes,
                    row.reindexed_version);
}

using Change = std::function<void(StateRow&)>;

/// Each changes one member, to what no other has. Undone by a blank row.
const std::vector<Change> kChanges = {
    [](StateRow& row) { row.version = 7; },
    [](StateRow& row) { row.indexed_version = 6; },
    [](StateRow& row) { row.deleted_version = 5; },
    [](StateRow& row) { row.revision = 4; },
    [](StateRow& row) { row.status = DocumentStatus::kRetrying; },
    [](StateRow& row) { row.attempts = 3; },
    [](StateRow& row) { row.next_attempt_at = At(1001); },
    [](StateRow& row) { row.deleted_at = At(1002); },
    [](StateRow& row) { row.created_at = At(1003); },
    [](StateRow& row) {
      row.position = {"it's \\ ü", 8, 9};
    },
    [](StateRow& row) { row.position_at = At(1004); },
    [](StateRow& row) { row.position_version = 10; },
    [](StateRow& row) { row.chunk_count = 11; },
    [](StateRow& row) { row.staged = true; },
    [](StateRow& row) { row.progress_at = At(1005); },
    [](StateRow& row) { row.steps.received = At(1006); },
    [](StateRow& row) { row.steps.chunked = At(1007); },
    [](StateRow& row) { row.steps.embedded = At(1008); },
    [](StateRow& row) { row.steps.stored = At(1009); },
    [](StateRow& row) {
      row.error = {"code", "it's \\ \"ü\"\n", "stage"};
    },
    [](StateRow& row) { row.warning = ""; },
    [](StateRow& row) { row.mark.worker = "worker"; },
    [](StateRow& row) { row.mark.alone = true; },
    [](StateRow& row) { row.mark.crashes = 12; },
    [](StateRow& row) { row.reindexed_version = 13; },
};

StateRow Blank(core::DocumentId id) {
  StateRow row;
  row.id = id;
  return row;
}

class StateRowsTest : public MysqlStoreTest {
 protected:
  StateRowsTest() { program().Execute("START TRANSACTION"); }
  ~StateRowsTest() override { program().Execute("ROLLBACK"); }

  StateRow Read(core::DocumentId id) { return LockStates(program(), {id}).at(id); }

  void Write(std::vector<StateRow> rows) {
    StateWriter writer(program());
    for (StateRow& row : rows) writer.Save(row);
    writer.Flush();
  }
};

TEST_F(StateRowsTest, ARowIsReadAsItWasWritten) {
  StateRow full = Blank(1), blank = Blank(2);
  for (const Change& change : kChanges) change(full);
  Write({full, blank});
  EXPECT_EQ(Members(Read(1)), Members(full));
  EXPECT_EQ(Members(Read(2)), Members(blank));
}

TEST_F(StateRowsTest, AChangeIsWrittenAndNothingElse) {
  for (const Change& change : kChanges) {
    Write({Blank(1), Blank(2), Blank(3)});
    StateRow one = Read(1), three = Read(3);
    change(one);
    change(three);
    three.progress_at = At(2000);
    Write({one, three});
    EXPECT_EQ(Members(Read(1)), Members(one));
    EXPECT_EQ(Members(Read(2)), Members(Blank(2)));
    EXPECT_EQ(Members(Read(3)), Members(three));
    StateRow again = Read(1);
    const auto stored = again.stored;
    again = Blank(1);
    again.stored = stored;
    Write({again});
    EXPECT_EQ(Members(Read(1)), Members(Blank(1)));
    program().Execute("DELETE FROM document_state");
  }
}

TEST_F(StateRowsTest, RowsThatChangeAlikeMayDifferInWhatTheyChangeTo) {
  std::vector<StateRow> rows;
  for (core::DocumentId id = 1; id <= 1200; ++id) rows.push_back(Blank(id));
  Write(rows);
  for (auto& [id, row] : LockStates(program(), {1, 2, 700, 1200})) {
    row.status = DocumentStatus::kIndexed;
    row.chunk_count = id;
    if (id == 700) row.warning = "it's long";
    rows[static_cast<std::size_t>(id - 1)] = row;
  }
  Write({rows[0], rows[1], rows[699], rows[1199]});
  for (const core::DocumentId id : {1, 2, 3, 699, 700, 1200}) {
    EXPECT_EQ(Members(Read(id)), Members(rows[static_cast<std::size_t>(id - 1)]));
  }
}

TEST_F(StateRowsTest, TheLastSaveOfATransactionCounts) {
  Write({Blank(1)});
  StateRow row = Read(1);
  StateWriter writer(program());
  row.attempts = 1;
  row.status = DocumentStatus::kProcessing;
  writer.Save(row);
  row.attempts = 0;  // as it was
  row.chunk_count = 5;
  writer.Save(row);
  writer.Flush();
  EXPECT_EQ(Members(Read(1)), Members(row));
  row.status = DocumentStatus::kQueued;  // as it was before both
  row.attempts = 2;
  writer.Save(row);
  writer.Flush();
  row.attempts = 0;
  Write({row});
  EXPECT_EQ(Members(Read(1)), Members(row));
}

TEST_F(StateRowsTest, ANewRowReplacesOneThatIsThereWhole) {
  StateRow full = Blank(1);
  for (const Change& change : kChanges) change(full);
  Write({full});
  Write({Blank(1)});
  EXPECT_EQ(Members(Read(1)), Members(Blank(1)));
}

TEST_F(StateRowsTest, ARowThatHasGoneIsNotTakenForWritten) {
  Write({Blank(1)});
  StateRow row = Read(1);
  program().Execute("DELETE FROM document_state");
  row.attempts = 1;
  EXPECT_THROW(Write({row}), Failure);
}

}  // namespace
}  // namespace millrace::mysql
