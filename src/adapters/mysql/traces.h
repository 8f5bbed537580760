#pragma once

#include "adapters/mysql/engine.h"
#include "core/document_traces.h"

namespace millrace::mysql {

class Traces final : public core::TraceFinder {
 public:
  explicit Traces(Engine& engine) : engine_(engine) {}

  base::Result<core::DocumentTraces> Find(core::DocumentId id) override;

 private:
  Engine& engine_;
};

}  // namespace millrace::mysql
