#pragma once

#include "adapters/memory/tables.h"
#include "core/effect_store.h"

namespace millrace::memory {

/// DELIVERY §3: gives a foreign record its version, adding or reviving its document. Anything but kProcess is final;
/// of kProcess only the version is set, which then meets the fence like any other.
core::WorkOrder AdoptForeign(Tables& tables, const core::Work& work, core::Timestamp now);

}  // namespace millrace::memory
