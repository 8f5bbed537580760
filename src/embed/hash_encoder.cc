#include "embed/hash_encoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>

namespace millrace::embed {
namespace {

/// splitmix64 (Steele, Lea, Flood 2014): a full-period generator whose state may be any number, so also a token id.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t Next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_;
};

void AddDirection(std::int32_t id, std::span<float> sum) {
  Random random(static_cast<std::uint64_t>(id));
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < sum.size(); ++i, bits >>= 1) {
    if (i % 64 == 0) bits = random.Next();
    sum[i] += (bits & 1) != 0 ? 1.0F : -1.0F;
  }
}

void ScaleToUnit(std::span<float> vector) {
  double squares = 0;
  for (const float x : vector) squares += static_cast<double>(x) * x;
  if (squares == 0) {  // directions that cancel out, or no tokens
    vector[0] = 1;
    return;
  }
  const auto scale = static_cast<float>(1 / std::sqrt(squares));
  for (float& x : vector) x *= scale;
}

bool Contains(const std::vector<std::int32_t>& ids, const std::vector<std::int32_t>& part) {
  return !part.empty() && std::search(ids.begin(), ids.end(), part.begin(), part.end()) != ids.end();
}

}  // namespace

base::Status HashEncoder::Fault(const std::vector<std::int32_t>& ids) const {
  if (Contains(ids, options_.fail_on)) {
    return {base::Code::kInvalidArgument, "the text contains the tokens that this encoder was told to fail on"};
  }
  const bool crashes = Contains(ids, options_.crash_on);
  if (!crashes && !Contains(ids, options_.fail_for_now_on)) return {};
  if (options_.faults_file.empty() || !std::filesystem::exists(options_.faults_file)) return {};
  if (crashes) std::_Exit(134);
  return {base::Code::kInternal, "the text contains the tokens that this encoder was told to fail on for now"};
}

std::string HashEncoder::description() const { return fmt::format("hashed-tokens float32 {}", options_.dimensions); }

base::Result<std::vector<float>> HashEncoder::Encode(std::span<const std::vector<std::int32_t>> batch) {
  std::vector<float> vectors(batch.size() * options_.dimensions);
  for (std::size_t row = 0; row < batch.size(); ++row) {
    const auto& ids = batch[row];
    RETURN_IF_ERROR(Fault(ids));
    const auto vector = std::span(vectors).subspan(row * options_.dimensions, options_.dimensions);
    for (const std::int32_t id : ids) AddDirection(id, vector);
    ScaleToUnit(vector);
  }
  return vectors;
}

}  // namespace millrace::embed
