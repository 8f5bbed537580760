#include "adapters/memory/memory_store.h"
#include "contract/store_contract.h"

namespace millrace::contract {
namespace {

class MemoryStoreUnderTest : public StoreUnderTest {
 public:
  StoreFixture ports() override {
    return {store_.documents(),  store_.contents(), store_.chunks(), store_.effects(),
            store_.index_feed(), store_.outbox(),   store_.admin()};
  }

 private:
  memory::MemoryStore store_;
};

MILLRACE_INSTANTIATE_STORE_CONTRACT((StoreFactory{"memory", [] { return std::make_unique<MemoryStoreUnderTest>(); }}));

}  // namespace
}  // namespace millrace::contract
