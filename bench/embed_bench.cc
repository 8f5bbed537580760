// bench_embed [--precision float32|int8] [--rounds N] [--workers N] [--corpus FILE [--texts N]] [--latency]
// Tokens per CPU second of the batching embedder, tokenising included, beside the bound that this CPU's matrix product
// sets in the same run. FILE is a corpus.jsonl as BEIR has them (title, text); without one, texts are made up.

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdlib>
#include <fstream>
#include <map>
#include <mutex>
#include <random>
#include <stdexcept>
#include <thread>

#include "adapters/onnx/onnx_encoder.h"
#include "embed/batching_embedder.h"
#include "embed/wordpiece.h"
#include "matmul_bound.h"

namespace millrace::bench {
namespace {

constexpr double kFlopPerToken = 21.2e6;  // the model's linear layers
struct Options {
  std::string precision = "float32", corpus;
  int rounds = 5;
  std::size_t workers = 1, texts = 300;
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

using Set = std::vector<std::string>;

/// Texts of common words, each of which is one token, so that a text has as many tokens as is asked, [CLS] and [SEP]
/// included.
Set MakeSet(std::size_t texts, std::size_t shortest, std::size_t longest) {
  constexpr const char* kWords[] = {"water", "house",  "paper", "light", "green", "river", "music", "table",
                                    "stone", "market", "north", "train", "field", "night", "plant", "story"};
  std::mt19937 random(42);
  Set set(texts);
  for (std::string& text : set) {
    const auto tokens = std::uniform_int_distribution<std::size_t>(shortest, longest)(random);
    for (std::size_t i = 2; i < tokens; ++i) text.append(kWords[random() % std::size(kWords)]).push_back(' ');
  }
  return set;
}

Set ReadCorpus(const std::string& path, std::size_t texts) {
  std::ifstream file(path);
  if (!file) Fail("cannot read " + path);
  Set set;
  for (std::string line; set.size() < texts && std::getline(file, line);) {
    const auto document = boost::json::parse(line).as_object();
    const auto* title = document.if_contains("title");
    set.emplace_back(title != nullptr && title->is_string() ? std::string(title->as_string()) + " " : "");
    set.back() += document.at("text").as_string();
  }
  return set;
}

std::unique_ptr<embed::WordPiece> LoadTokenizer() {
  std::ifstream file(Asset("model/vocab.txt"));
  return Must(embed::WordPiece::Create({std::istreambuf_iterator<char>(file), {}}));
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
          for (; next < set.size() && texts.size() < kTextsPerCall; ++next) texts.emplace_back(set[next]);
        }
        if (texts.empty()) return;
        (void)Must(embedder.Embed(texts, core::Embedder::Priority::kIngest, base::Deadline::AfterSeconds(600)));
      }
    });
  }
  for (auto& caller : callers) caller.join();
}

struct Rate {
  double tokens_per_cpu_second = 0, texts_per_second = 0;  // the latter by the clock
};

Rate Measure(core::Embedder& embedder, const Set& set) {
  std::size_t tokens = 0;
  for (const auto& text : set) tokens += embedder.tokenizer().CountTokens(text, embedder.max_tokens()) + 2;
  const auto start = std::chrono::steady_clock::now();
  const double cpu_start = ProcessCpuSeconds();
  EmbedAll(embedder, set);
  const double cpu = ProcessCpuSeconds() - cpu_start;
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  return {static_cast<double>(tokens) / cpu, static_cast<double>(set.size()) / seconds.count()};
}

/// Wall milliseconds of `count` queries of 12 tokens, one after another.
void PrintQueryLatency(core::Embedder& embedder, const std::string& name, int count) {
  const Set query = MakeSet(1, 12, 12);
  const std::vector<std::string_view> texts = {query[0]};
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
  if (options.corpus.empty()) {
    for (const std::size_t length : {20, 64, 128, 256}) {
      sets[fmt::format("{:3} tokens", length)] = MakeSet(8192 / length, length, length);
    }
    sets["mixed 8-256"] = MakeSet(128, 8, 256);
  } else {
    sets[options.corpus] = ReadCorpus(options.corpus, options.texts);
  }
  std::map<std::string, std::vector<double>> rates, text_rates;
  std::vector<double> bounds;
  for (int round = 0; round <= options.rounds; ++round) {
    const double flops = Must(bound.Measure(0.5));
    if (round > 0) bounds.push_back(flops);
    for (const auto& [name, set] : sets) {
      const Rate rate = Measure(embedder, set);
      if (round == 0) continue;  // it warms up
      rates[name].push_back(rate.tokens_per_cpu_second);
      text_rates[name].push_back(rate.texts_per_second);
    }
  }
  const double bound_tokens = Median(bounds) / kFlopPerToken;
  fmt::print("{{\"matmul_gflops\":{:.1f},\"bound_tok_per_cpu_s\":{:.0f}}}\n", Median(bounds) / 1e9, bound_tokens);
  for (const auto& [name, values] : rates) {
    fmt::print(
        "{{\"set\":\"{}\",\"precision\":\"{}\",\"tok_per_cpu_s\":{:.0f},\"share_of_bound\":{:.3f},"
        "\"texts_per_s\":{:.1f}}}\n",
        name, options.precision, Median(values), Median(values) / bound_tokens, Median(text_rates[name]));
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
    } else if (flag == "--corpus") {
      options.corpus = value;
    } else if (flag == "--texts") {
      options.texts = std::stoul(value);
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
  const auto tokenizer = LoadTokenizer();
  base::Metrics metrics;
  embed::BatchingEmbedder embedder(*encoder, *tokenizer, metrics, {.workers = options.workers});
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
