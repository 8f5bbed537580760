#include <gmock/gmock.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "adapters/mysql/mysql_store.h"
#include "core/log.h"
#include "unit/mysql/test_database.h"

namespace millrace::mysql {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class OutboxTest : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = MysqlDatabase::Open(server_.options());
    if (!opened) throw std::runtime_error(opened.error().message);
    store_ = std::move(*opened);
    core::NewDocument document;
    document.content = "An anchor holds a ship.";
    const auto accepted = store_->documents().Accept({&document, 1}, base::Deadline::AfterSeconds(20));
    ASSERT_TRUE(accepted) << accepted.error().message;
    id_ = accepted->front().id;
  }

  std::vector<core::DocumentId> ClaimUploads() {
    std::vector<core::DocumentId> ids;
    const auto claimed = store_->outbox().Claim(100, 1 << 20, std::chrono::minutes(1));
    EXPECT_TRUE(claimed) << claimed.error().message;
    for (const core::OutboxRow& row : *claimed) {
      if (row.topic == core::kUploadsTopic) ids.push_back(row.document_id);
    }
    return ids;
  }

  TestDatabase server_;
  std::unique_ptr<MysqlDatabase> store_;
  core::DocumentId id_ = 0;
};

// What MariaDB may do for a moment around a commit: the row is there, what it is about is not, or is what it was
// before.
TEST_F(OutboxTest, AnUploadWhoseDocumentIsNotSeenYetIsLeftForLater) {
  server_.Execute("CREATE TABLE kept SELECT * FROM document_state; DELETE FROM document_state");
  EXPECT_THAT(ClaimUploads(), IsEmpty());
  server_.Execute("INSERT INTO document_state SELECT * FROM kept");
  EXPECT_THAT(ClaimUploads(), ElementsAre(id_));
}

TEST_F(OutboxTest, AnUploadWhoseVersionIsNotSeenYetIsLeftForLater) {
  server_.Execute("UPDATE document_state SET version = 0");
  EXPECT_THAT(ClaimUploads(), IsEmpty());
  server_.Execute("UPDATE document_state SET version = 1");
  EXPECT_THAT(ClaimUploads(), ElementsAre(id_));
}

TEST_F(OutboxTest, AnUploadOfWhatIsIndexedIsRemoved) {
  server_.Execute("UPDATE document_state SET indexed_version = 1");
  EXPECT_THAT(ClaimUploads(), IsEmpty());
  EXPECT_EQ(server_.Int("SELECT count(*) FROM outbox WHERE topic = 'document-uploads'"), 0);
}

}  // namespace
}  // namespace millrace::mysql
