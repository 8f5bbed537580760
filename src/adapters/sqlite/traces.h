#pragma once

#include "adapters/sqlite/engine.h"
#include "core/document_traces.h"

namespace millrace::sqlite {

class Traces final : public core::TraceFinder {
 public:
  explicit Traces(Engine& engine) : engine_(engine) {}

  base::Result<core::DocumentTraces> Find(core::DocumentId id) override;

 private:
  Engine& engine_;
};

}  // namespace millrace::sqlite
