#include "main/model.h"

#include <fmt/core.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <utility>
#include <vector>

#include "adapters/onnx/onnx_encoder.h"
#include "embed/golden.h"
#include "embed/hash_encoder.h"
#include "embed/wordpiece.h"

namespace millrace::app {
namespace {

namespace fs = std::filesystem;
using base::Code;
using base::Error;

/// The test model refuses a text that holds this word, so that failing documents can be tried out.
constexpr std::string_view kRefusedByTestModel = "millracerefusethis";

/// While the file that MILLRACE_TEST_FAULTS names exists, the test model fails on the first word and dies of the
/// second.
constexpr std::string_view kFailsTestModelForNow = "millracefailfornow";
constexpr std::string_view kCrashesTestModel = "millracecrashhere";

std::vector<fs::path> AssetDirectories(const Config& config) {
  if (!config.assets.empty()) return {config.assets};
  std::vector<fs::path> directories;
  std::error_code error;
  if (const fs::path program = fs::read_symlink("/proc/self/exe", error); !error)
    directories.push_back(program.parent_path());
  if (const char* cache = std::getenv("MILLRACE_CACHE")) directories.emplace_back(cache);
  if (const char* cache = std::getenv("XDG_CACHE_HOME")) directories.push_back(fs::path(cache) / "millrace");
  if (const char* home = std::getenv("HOME")) directories.push_back(fs::path(home) / ".cache" / "millrace");
  return directories;
}

base::Result<fs::path> FindAsset(const Config& config, const fs::path& file) {
  std::string looked_in;
  for (const fs::path& directory : AssetDirectories(config)) {
    std::error_code error;
    if (fs::is_regular_file(directory / file, error)) return directory / file;
    looked_in += (looked_in.empty() ? "" : ", ") + directory.string();
  }
  return Error{
      Code::kNotFound, fmt::format("{} was not found in {}; scripts/assets fetches it", file.string(), looked_in), {}};
}

base::Result<std::string> ReadFile(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file) return Error{Code::kUnavailable, path.string() + " cannot be read", {}};
  return text;
}

base::Result<std::unique_ptr<core::Encoder>> OpenEncoder(const Config& config, const core::Tokenizer& tokenizer) {
  if (config.model == "test") {
    embed::HashEncoder::Options options;
    const auto tokens_of = [&](std::string_view word) {
      std::vector<std::int32_t> ids;
      for (const core::Token& token : tokenizer.Tokenize(word, 64)) ids.push_back(token.id);
      return ids;
    };
    options.fail_on = tokens_of(kRefusedByTestModel);
    options.fail_for_now_on = tokens_of(kFailsTestModelForNow);
    options.crash_on = tokens_of(kCrashesTestModel);
    if (const char* file = std::getenv("MILLRACE_TEST_FAULTS")) options.faults_file = file;
    return std::unique_ptr<core::Encoder>(std::make_unique<embed::HashEncoder>(std::move(options)));
  }
  onnx::OnnxOptions options;
  ASSIGN_OR_RETURN(options.runtime_path, FindAsset(config, "runtime/libonnxruntime.so.1"));
  ASSIGN_OR_RETURN(options.model_path, FindAsset(config, "model/model-" + config.precision + ".onnx"));
  options.precision = config.precision;
  return onnx::OnnxEncoder::Create(options);
}

}  // namespace

base::Result<Model> OpenModel(const Config& config, base::Metrics& metrics) {
  Model model;
  ASSIGN_OR_RETURN(const fs::path vocabulary, FindAsset(config, "model/vocab.txt"));
  ASSIGN_OR_RETURN(std::string vocabulary_text, ReadFile(vocabulary));
  auto word_piece = embed::WordPiece::Create(std::move(vocabulary_text));
  if (!word_piece) return Error{Code::kCorrupt, vocabulary.string() + ": " + word_piece.error().message, {}};
  embed::BatchingOptions options;
  options.cls_id = (*word_piece)->cls_id();
  options.sep_id = (*word_piece)->sep_id();
  options.workers = static_cast<std::size_t>(config.threads);
  model.tokenizer = std::move(*word_piece);
  ASSIGN_OR_RETURN(model.encoder, OpenEncoder(config, *model.tokenizer));
  model.description = model.encoder->description();
  model.embedder = std::make_unique<embed::BatchingEmbedder>(*model.encoder, *model.tokenizer, metrics, options);
  if (config.model == "minilm") {
    RETURN_IF_ERROR(embed::CheckGolden(*model.embedder, embed::GoldenCosine(config.precision)));
  }
  return model;
}

double EstimateSeconds(core::Embedder& embedder, std::int64_t bytes) {
  std::string text;
  while (text.size() < 1000) text += "The quick brown fox reads every document of the library once. ";
  const std::vector<std::string_view> texts(8, text);
  const auto start = std::chrono::steady_clock::now();
  const auto vectors =
      embedder.Embed(texts, core::Embedder::Priority::kIngest, base::Deadline::After(std::chrono::minutes(1)));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (!vectors) return 0;
  return seconds * static_cast<double>(bytes) / static_cast<double>(text.size() * texts.size());
}

}  // namespace millrace::app
