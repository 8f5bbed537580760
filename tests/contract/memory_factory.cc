#include "adapters/memory/float_index.h"
#include "adapters/memory/instance_table.h"
#include "adapters/memory/memory_log.h"
#include "adapters/memory/memory_store.h"
#include "adapters/memory/search_table.h"
#include "contract/instances_contract.h"
#include "contract/log_contract.h"
#include "contract/search_statistics_contract.h"
#include "contract/store_contract.h"
#include "contract/vector_index_contract.h"

namespace millrace::contract {
namespace {

class MemoryStoreUnderTest : public StoreUnderTest {
 public:
  StoreFixture ports() override {
    return {store_.documents(), store_.contents(),         store_.chunks(), store_.effects(),    store_.dead_letters(),
            store_.reindexer(), store_.idempotency_keys(), store_.traces(), store_.index_feed(), store_.outbox(),
            store_.admin()};
  }

 private:
  memory::MemoryStore store_;
};

class MemoryLogUnderTest : public LogUnderTest {
 public:
  core::LogProducer& producer() override { return log_.producer(); }
  core::LogAdmin& admin() override { return log_.admin(); }
  core::GroupAdmin& groups() override { return log_.groups(); }
  std::unique_ptr<core::LogConsumer> NewConsumer(std::string group) override {
    return log_.NewConsumer(std::move(group));
  }

 private:
  memory::MemoryLog log_{{.member_silence = LogFactory().member_silence}};
};

class MemoryInstancesUnderTest final : public InstancesUnderTest {
 public:
  core::Instances& port() override { return table_; }

 private:
  memory::InstanceTable table_;
};

class MemorySearchStatisticsUnderTest final : public SearchStatisticsUnderTest {
 public:
  core::SearchStatistics& port() override { return table_; }

 private:
  memory::SearchTable table_;
};

MILLRACE_INSTANTIATE_STORE_CONTRACT((StoreFactory{"memory", [] { return std::make_unique<MemoryStoreUnderTest>(); }}));
MILLRACE_INSTANTIATE_LOG_CONTRACT((LogFactory{"memory", [] { return std::make_unique<MemoryLogUnderTest>(); }}));
MILLRACE_INSTANTIATE_LOG_RETENTION_CONTRACT((LogFactory{"memory",
                                                        [] { return std::make_unique<MemoryLogUnderTest>(); }}));
MILLRACE_INSTANTIATE_VECTOR_INDEX_CONTRACT((VectorIndexFactory{
    "memory", [](std::size_t) { return std::make_unique<memory::FloatIndex>(); }}));

MILLRACE_INSTANTIATE_INSTANCES_CONTRACT((InstancesFactory{
    "memory", [] { return std::make_unique<MemoryInstancesUnderTest>(); }}));
MILLRACE_INSTANTIATE_SEARCH_STATISTICS_CONTRACT((SearchStatisticsFactory{
    "memory", [] { return std::make_unique<MemorySearchStatisticsUnderTest>(); }}));

}  // namespace
}  // namespace millrace::contract
