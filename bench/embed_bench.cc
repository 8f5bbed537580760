// bench_embed [--precision float32|int8] [--rounds N] [--workers N] [--ids FILE] [--latency]
// Tokens per CPU second of the batching embedder, beside the bound that this CPU's matrix product sets in the same run.
// FILE has a line {"ids":[…]} a text, [CLS] and [SEP] included, as embed_peers.py writes it; else a mixed set is made
// up.

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <mutex>
#include <random>
#include <stdexcept>
#include <thread>

#include "adapters/onnx/onnx_encoder.h"
#include "embed/batching_embedder.h"
#include "matmul_bound.h"

namespace millrace::bench {
namespace {

constexpr double kFlopPerToken = 21.2e6;  // the model's linear layers
using Ids = std::vector<std::int32_t>;

/// The "text" is the memory of its ids: what is measured is the model and the batching; tokenising is 1 % beside it.
class PackedTokenizer final : public core::Tokenizer {
 public:
  static std::string_view Pack(const Ids& ids) {
    return {reinterpret_cast<const char*>(ids.data()), ids.size() * sizeof(std::int32_t)};
  }
  std::vector<core::Token> Tokenize(std::string_view text, std::size_t max_tokens) const override {
    std::vector<core::Token> tokens(CountTokens(text, max_tokens));
    for (std::size_t i = 0; i < tokens.size(); ++i) std::memcpy(&tokens[i].id, text.data() + i * 4, 4);
    return tokens;
  }
  std::size_t CountTokens(std::string_view text, std::size_t stop_at) const override {
    return std::min(text.size() / 4, stop_at);
  }
};

struct Options {
  std::string precision = "float32", ids_file;
  int rounds = 5;
  std::size_t workers = 1;
  bool latency = false;
};

[[noreturn]] void Fail(const std::string& message) { throw std::runtime_error(message); }

template <typename T>
T Must(base::Result<T> result) {
  if (!result) Fail(result.error().message);
  return std::move(result).value();
}

std::string Asset(const std::string& file) {
  const char* cache = std::getenv("MILLRACE_CACHE");
  const char* home = std::getenv("HOME");
  return (cache != nullptr ? std::string(cache) : std::string(home != nullptr ? home : "") + "/.cache/millrace") + "/" +
         file;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

double ResidentMegabytes() {
  std::ifstream statm("/proc/self/statm");
  double total = 0, resident = 0;
  statm >> total >> resident;
  return resident * 4096 / 1e6;
}

/// Texts without [CLS] and [SEP], which the embedder adds.
using Set = std::vector<Ids>;

Set MakeSet(std::size_t texts, std::size_t shortest, std::size_t longest) {
  std::mt19937 random(42);
  Set set(texts);
  for (Ids& ids : set) {
    ids.resize(std::uniform_int_distribution<std::size_t>(shortest, longest)(random) - 2);
    for (auto& id : ids) id = std::uniform_int_distribution<std::int32_t>(1000, 30000)(random);
  }
  return set;
}

Set ReadSet(const std::string& path) {
  std::ifstream file(path);
  if (!file) Fail("cannot read " + path);
  Set set;
  for (std::string line; std::getline(file, line);) {
    auto ids = boost::json::value_to<Ids>(boost::json::parse(line).at("ids"));
    if (ids.size() < 2) Fail(path + ": a text has fewer than the two ids of [CLS] and [SEP]");
    set.emplace_back(ids.begin() + 1, ids.end() - 1);
  }
  return set;
}

/// As ingestion sends them: a few callers at once, each with the chunks of a few documents.
void EmbedAll(core::Embedder& embedder, const Set& set) {
  constexpr std::size_t kCallers = 4, kTextsPerCall = 32;
  std::mutex mutex;
  std::size_t next = 0;
  std::vector<std::thread> callers;
  for (std::size_t i = 0; i < kCallers; ++i) {
    callers.emplace_back([&] {
      while (true) {
        std::vector<std::string_view> texts;
        {
          std::lock_guard lock(mutex);
          for (; next < set.size() && texts.size() < kTextsPerCall; ++next)
            texts.push_back(PackedTokenizer::Pack(set[next]));
        }
        if (texts.empty()) return;
        (void)Must(embedder.Embed(texts, core::Embedder::Priority::kIngest, base::Deadline::AfterSeconds(600)));
      }
    });
  }
  for (auto& caller : callers) caller.join();
}

double TokensPerCpuSecond(core::Embedder& embedder, const Set& set) {
  std::size_t tokens = 0;
  for (const Ids& ids : set) tokens += std::min(ids.size(), embedder.max_tokens()) + 2;
  const double start = ProcessCpuSeconds();
  EmbedAll(embedder, set);
  return static_cast<double>(tokens) / (ProcessCpuSeconds() - start);
}

/// Wall milliseconds of `count` queries of 12 tokens, one after another.
void PrintQueryLatency(core::Embedder& embedder, const std::string& name, int count) {
  const Set query = MakeSet(1, 12, 12);
  const std::vector<std::string_view> texts = {PackedTokenizer::Pack(query[0])};
  std::vector<double> milliseconds;
  for (int i = 0; i < count; ++i) {
    const auto start = std::chrono::steady_clock::now();
    (void)Must(embedder.Embed(texts, core::Embedder::Priority::kQuery, base::Deadline::AfterSeconds(60)));
    milliseconds.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  std::sort(milliseconds.begin(), milliseconds.end());
  fmt::print("{{\"query\":\"{}\",\"p50_ms\":{:.2f},\"p99_ms\":{:.2f}}}\n", name, milliseconds[milliseconds.size() / 2],
             milliseconds[milliseconds.size() * 99 / 100]);
}

void MeasureLatency(core::Embedder& embedder) {
  PrintQueryLatency(embedder, "idle", 200);
  std::thread ingestion([&] { EmbedAll(embedder, MakeSet(1500, 20, 256)); });
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  PrintQueryLatency(embedder, "while ingesting", 200);
  ingestion.join();
}

void MeasureThroughput(core::Embedder& embedder, const Options& options) {
  MatmulBound bound = Must(MatmulBound::Create(Asset("runtime/libonnxruntime.so.1")));
  std::map<std::string, Set> sets;
  if (options.ids_file.empty()) {
    for (const std::size_t length : {20, 64, 128, 256}) {
      sets[fmt::format("{:3} tokens", length)] = MakeSet(8192 / length, length, length);
    }
    sets["mixed 8-256"] = MakeSet(128, 8, 256);
  } else {
    sets[options.ids_file] = ReadSet(options.ids_file);
  }
  std::map<std::string, std::vector<double>> rates;
  std::vector<double> bounds;
  for (int round = 0; round <= options.rounds; ++round) {
    const double flops = Must(bound.Measure(0.5));
    if (round > 0) bounds.push_back(flops);
    for (const auto& [name, set] : sets) {
      const double rate = TokensPerCpuSecond(embedder, set);
      if (round > 0) rates[name].push_back(rate);  // the first round warms up
    }
  }
  const double bound_tokens = Median(bounds) / kFlopPerToken;
  fmt::print("{{\"matmul_gflops\":{:.1f},\"bound_tok_per_cpu_s\":{:.0f}}}\n", Median(bounds) / 1e9, bound_tokens);
  for (const auto& [name, values] : rates) {
    fmt::print("{{\"set\":\"{}\",\"precision\":\"{}\",\"tok_per_cpu_s\":{:.0f},\"share_of_bound\":{:.3f}}}\n", name,
               options.precision, Median(values), Median(values) / bound_tokens);
  }
}

Options Parse(int count, char** arguments) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string flag = arguments[i];
    if (flag == "--latency") {
      options.latency = true;
      continue;
    }
    if (i + 1 == count) Fail(flag + " needs a value");
    const std::string value = arguments[++i];
    if (flag == "--precision") {
      options.precision = value;
    } else if (flag == "--ids") {
      options.ids_file = value;
    } else if (flag == "--rounds") {
      options.rounds = std::max(1, std::stoi(value));
    } else if (flag == "--workers") {
      options.workers = std::stoul(value);
    } else {
      Fail("unknown flag " + flag);
    }
  }
  return options;
}

void Main(const Options& options) {
  const auto start = std::chrono::steady_clock::now();
  const auto encoder =
      Must(onnx::OnnxEncoder::Create({.runtime_path = Asset("runtime/libonnxruntime.so.1"),
                                      .model_path = Asset("model/model-" + options.precision + ".onnx"),
                                      .precision = options.precision}));
  const std::chrono::duration<double> load = std::chrono::steady_clock::now() - start;
  const PackedTokenizer tokenizer;
  base::Metrics metrics;
  embed::BatchingEmbedder embedder(*encoder, tokenizer, metrics, {.workers = options.workers});
  fmt::print("{{\"load_s\":{:.2f},\"resident_mb\":{:.0f}}}\n", load.count(), ResidentMegabytes());
  if (options.latency) {
    MeasureLatency(embedder);
  } else {
    MeasureThroughput(embedder, options);
  }
  fmt::print("{{\"after_use_resident_mb\":{:.0f}}}\n", ResidentMegabytes());
}

}  // namespace
}  // namespace millrace::bench

int main(int count, char** arguments) try {
  millrace::bench::Main(millrace::bench::Parse(count, arguments));
} catch (const std::exception& error) {
  fmt::print(stderr, "bench_embed: {}\n", error.what());
  return 1;
}
