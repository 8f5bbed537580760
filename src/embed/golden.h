#pragma once

#include <string_view>

#include "base/result.h"
#include "core/embedder.h"

namespace millrace::embed {

/// The cosine to the reference that a model of this precision (`float32`, `int8`) keeps on the golden texts.
double GoldenCosine(std::string_view precision);

/// Embeds a few texts whose vectors are known and compares: a damaged, exchanged or wrongly converted model, a wrong
/// vocabulary and a runtime that computes wrongly all show at start instead of in search results. kCorrupt, in one
/// line, when a text's cosine to the reference is below `min_cosine`; else the embedder's own error. Takes about 0.1 s.
base::Status CheckGolden(core::Embedder& embedder, double min_cosine);

}  // namespace millrace::embed
