#include "adapters/onnx/onnx_encoder.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <numeric>
#include <thread>

#include "unit/onnx/assets.h"
#include "unit/onnx/reference.h"

namespace millrace::onnx {
namespace {

using base::Code;
using testing::HasSubstr;
using testing::Not;

OnnxOptions Options(const std::string& model) { return {.runtime_path = Asset(kRuntime), .model_path = Asset(model)}; }

std::unique_ptr<core::Encoder> Open(const std::string& model) {
  auto encoder = OnnxEncoder::Create(Options(model));
  if (!encoder) {
    ADD_FAILURE() << encoder.error().message << "; run scripts/assets";
    return nullptr;
  }
  return std::move(encoder).value();
}

/// A file of the given bytes, gone with the object.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::string_view bytes)
      : path_(testing::TempDir() + "onnx_" + testing::UnitTest::GetInstance()->current_test_info()->name()) {
    std::ofstream(path_, std::ios::binary) << bytes;
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};

std::vector<std::vector<std::int32_t>> Ids(const std::vector<Reference>& references) {
  std::vector<std::vector<std::int32_t>> ids;
  for (const auto& reference : references) ids.push_back(reference.ids);
  return ids;
}

double Dot(const float* a, const float* b) { return std::inner_product(a, a + 384, b, 0.0); }

/// int8 is near the reference on the whole, farther on scripts that are rare in the vocabulary.
struct Precision {
  std::string model;
  double min_cosine, min_mean_cosine;
};

class PrecisionTest : public testing::TestWithParam<Precision> {};

TEST_P(PrecisionTest, VectorsAgreeWithTheReferenceAloneAndPadded) {
  const auto encoder = Open(GetParam().model);
  ASSERT_TRUE(encoder);
  const auto references = LoadReferences();
  ASSERT_GE(references.size(), 12U);
  const auto ids = Ids(references);
  const auto together = encoder->Encode(ids);
  ASSERT_TRUE(together) << together.error().message;
  ASSERT_EQ(together->size(), ids.size() * 384);
  double sum = 0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto alone = encoder->Encode(std::span(ids).subspan(i, 1));
    ASSERT_TRUE(alone);
    const float* expected = references[i].vector.data();
    for (const float* actual : {alone->data(), together->data() + i * 384}) {
      EXPECT_GE(Dot(actual, expected), GetParam().min_cosine) << references[i].text;
      EXPECT_NEAR(Dot(actual, actual), 1, 1e-5);
    }
    sum += Dot(alone->data(), expected);
  }
  EXPECT_GE(sum / static_cast<double>(ids.size()), GetParam().min_mean_cosine);
}

INSTANTIATE_TEST_SUITE_P(, PrecisionTest,
                         testing::Values(Precision{kFloat32, 0.99999, 0.99999}, Precision{kInt8, 0.93, 0.98}),
                         [](const auto& param) { return param.index == 0 ? "Float32" : "Int8"; });

TEST(OnnxEncoderTest, ReferencesReachTheLongestSequence) {
  std::size_t longest = 0;
  for (const auto& reference : LoadReferences()) longest = std::max(longest, reference.ids.size());
  EXPECT_EQ(longest, 256U);
}

TEST(OnnxEncoderTest, DescribesWhatMadeTheVectors) {
  OnnxOptions options = Options(kInt8);
  options.precision = "int8";
  const auto encoder = OnnxEncoder::Create(options);
  ASSERT_TRUE(encoder);
  EXPECT_EQ((*encoder)->description(), "all-MiniLM-L6-v2 int8 384");
}

TEST(OnnxEncoderTest, ManyThreadsShareTheSession) {
  const auto encoder = Open(kInt8);
  ASSERT_TRUE(encoder);
  const auto ids = Ids(LoadReferences());
  const auto expected = encoder->Encode(std::span(ids).first(3)).value();
  std::vector<std::thread> threads;
  std::vector<int> equal(4);
  for (std::size_t thread = 0; thread < equal.size(); ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 10; ++i) equal[thread] += encoder->Encode(std::span(ids).first(3)).value() == expected;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_THAT(equal, testing::Each(10));
}

TEST(OnnxEncoderTest, RefusesSequencesThatTheModelCannotTake) {
  const auto encoder = Open(kInt8);
  ASSERT_TRUE(encoder);
  using Batch = std::vector<std::vector<std::int32_t>>;
  for (const Batch& batch :
       {Batch{{101, 102}, {}}, Batch{std::vector<std::int32_t>(257, 1)}, Batch{{101, 30522, 102}}}) {
    const auto refused = encoder->Encode(batch);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kInvalidArgument);
    EXPECT_THAT(refused.error().message, Not(HasSubstr("\n")));
  }
  EXPECT_TRUE(encoder->Encode({})->empty());
}

void ExpectRefused(const OnnxOptions& options, Code code, const std::string& message) {
  const auto refused = OnnxEncoder::Create(options);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, code);
  EXPECT_THAT(refused.error().message, HasSubstr(message));
  EXPECT_THAT(refused.error().message, Not(HasSubstr("\n")));
}

TEST(OnnxEncoderTest, AMissingLibraryIsNamed) {
  OnnxOptions options = Options(kInt8);
  options.runtime_path = "/nowhere/libonnxruntime.so.1";
  ExpectRefused(options, Code::kNotFound, "no ONNX Runtime library at /nowhere/libonnxruntime.so.1");
}

TEST(OnnxEncoderTest, AnotherLibraryIsRefused) {
  const TemporaryFile text("not a library\n");
  OnnxOptions options = Options(kInt8);
  options.runtime_path = text.path();
  ExpectRefused(options, Code::kUnavailable, "cannot load the ONNX Runtime library");
  options.runtime_path = "/lib/x86_64-linux-gnu/libm.so.6";
  ExpectRefused(options, Code::kUnavailable, "is not the ONNX Runtime library");
}

TEST(OnnxEncoderTest, AMissingModelIsNamed) {
  OnnxOptions options = Options(kInt8);
  options.model_path = "/nowhere/model.onnx";
  ExpectRefused(options, Code::kNotFound, "no model at /nowhere/model.onnx");
}

TEST(OnnxEncoderTest, AFileThatIsNoModelIsRefused) {
  for (const char* bytes : {"", "<html>\nnot found\n</html>\n"}) {
    const TemporaryFile file(bytes);
    OnnxOptions options = Options(kInt8);
    options.model_path = file.path();
    ExpectRefused(options, Code::kCorrupt, file.path() + " cannot be loaded as a model");
  }
}

TEST(OnnxEncoderTest, ATruncatedModelIsRefused) {
  const TemporaryFile file("");
  std::filesystem::copy_file(Asset(kInt8), file.path(), std::filesystem::copy_options::overwrite_existing);
  std::filesystem::resize_file(file.path(), 20'000'000);
  OnnxOptions options = Options(kInt8);
  options.model_path = file.path();
  ExpectRefused(options, Code::kCorrupt, "cannot be loaded as a model");
}

TEST(OnnxEncoderTest, AnotherWidthIsRefused) {
  OnnxOptions options = Options(kInt8);
  options.dimensions = 768;
  ExpectRefused(options, Code::kInvalidArgument, "has the shape [1, 2, 384], expected was [1, 2, 768]");
}

}  // namespace
}  // namespace millrace::onnx
