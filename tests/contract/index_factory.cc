#include "contract/vector_index_contract.h"
#include "index/exact_vector_index.h"

namespace millrace::contract {
namespace {

MILLRACE_INSTANTIATE_VECTOR_INDEX_CONTRACT((VectorIndexFactory{
    "exact", [](std::size_t) { return std::make_unique<index::ExactVectorIndex>(); }}));

}  // namespace
}  // namespace millrace::contract
