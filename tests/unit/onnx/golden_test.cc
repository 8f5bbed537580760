#include "embed/golden.h"

#include <gmock/gmock.h>

#include <fstream>
#include <iterator>
#include <limits>

#include "adapters/onnx/onnx_encoder.h"
#include "embed/batching_embedder.h"
#include "embed/hash_encoder.h"
#include "embed/wordpiece.h"
#include "unit/onnx/assets.h"
#include "unit/onnx/reference.h"

namespace millrace::embed {
namespace {

std::string Vocabulary() {
  std::ifstream file(onnx::Asset("model/vocab.txt"));
  return {std::istreambuf_iterator<char>(file), {}};
}

base::Status Check(core::Encoder& encoder, double min_cosine, std::string vocabulary = Vocabulary()) {
  ASSIGN_OR_RETURN(const auto tokenizer, WordPiece::Create(std::move(vocabulary)));
  base::Metrics metrics;
  BatchingEmbedder embedder(encoder, *tokenizer, metrics, {.workers = 1});
  return CheckGolden(embedder, min_cosine);
}

std::unique_ptr<core::Encoder> Open(const std::string& model) {
  auto encoder =
      onnx::OnnxEncoder::Create({.runtime_path = onnx::Asset(onnx::kRuntime), .model_path = onnx::Asset(model)});
  if (!encoder) {
    ADD_FAILURE() << encoder.error().message << "; run scripts/assets";
    return nullptr;
  }
  return std::move(encoder).value();
}

TEST(GoldenTest, TheGenuineModelsPass) {
  for (const char* precision : {"float32", "int8"}) {
    const auto encoder = Open(std::string("model/model-") + precision + ".onnx");
    ASSERT_TRUE(encoder);
    const auto status = Check(*encoder, GoldenCosine(precision));
    EXPECT_TRUE(status) << status.error().message;
  }
}

TEST(GoldenTest, AnInt8ModelIsNoFloat32Model) {
  const auto encoder = Open(onnx::kInt8);
  ASSERT_TRUE(encoder);
  EXPECT_FALSE(Check(*encoder, GoldenCosine("float32")));
}

TEST(GoldenTest, AnotherModelIsRefusedInOneLine) {
  HashEncoder encoder;
  const auto status = Check(encoder, GoldenCosine("int8"));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, base::Code::kCorrupt);
  EXPECT_THAT(status.error().message, testing::HasSubstr("does not give all-MiniLM-L6-v2's vectors"));
  EXPECT_THAT(status.error().message, testing::Not(testing::HasSubstr("\n")));
}

TEST(GoldenTest, AVocabularyThatIsOneOffIsRefused) {
  const auto encoder = Open(onnx::kInt8);
  ASSERT_TRUE(encoder);
  std::string vocabulary = Vocabulary();
  vocabulary.erase(vocabulary.find("[unused7]\n"), sizeof("[unused7]"));
  const auto status = Check(*encoder, GoldenCosine("int8"), vocabulary);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, base::Code::kCorrupt);
}

TEST(GoldenTest, TheReferencesHaveTheTokensOfThisVocabulary) {
  const auto tokenizer = WordPiece::Create(Vocabulary());
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  for (const auto& reference : onnx::LoadReferences()) {
    std::vector<std::int32_t> ids = {(*tokenizer)->cls_id()};
    for (const core::Token& token : (*tokenizer)->Tokenize(reference.text, 254)) ids.push_back(token.id);
    ids.push_back((*tokenizer)->sep_id());
    EXPECT_EQ(ids, reference.ids) << reference.text;
  }
}

/// Vectors of NaN, as a runtime that computes wrongly may give.
class NanEncoder final : public core::Encoder {
 public:
  std::size_t dimensions() const override { return 384; }
  std::size_t max_tokens() const override { return 256; }
  std::string description() const override { return "nan"; }
  base::Result<std::vector<float>> Encode(std::span<const std::vector<std::int32_t>> batch) override {
    return std::vector<float>(batch.size() * 384, std::numeric_limits<float>::quiet_NaN());
  }
};

TEST(GoldenTest, NanIsRefused) {
  NanEncoder encoder;
  EXPECT_FALSE(Check(encoder, GoldenCosine("int8")));
}

}  // namespace
}  // namespace millrace::embed
