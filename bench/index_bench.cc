// Exact vector search: time per search and kernel against the time to read the codes once, agreement with a float scan,
// filters, and what writes cost.
//   bench_index [chunks=100000] [queries=200] [vectors.f32 [dimension=384]]
// The file holds little-endian float32 rows; without one the vectors are synthetic and clustered.

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <functional>
#include <numeric>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "index/exact_vector_index.h"
#include "index/kernels.h"
#include "index/page_arena.h"
#include "index/quantize.h"

namespace millrace::index {
namespace {

constexpr std::size_t kChunksPerDocument = 10;
constexpr std::size_t kChunksPerPage = 4096;
constexpr std::size_t kTopK = 10;

struct Rows {
  std::size_t dimension = 384;
  std::vector<float> numbers;

  std::size_t size() const { return numbers.size() / dimension; }
  std::span<const float> row(std::size_t i) const { return std::span(numbers).subspan(i * dimension, dimension); }
};

/// Processor time of this thread: a search waits for nothing, and other programs' shares of the processor are not its
/// cost.
double Milliseconds(const std::function<void()>& work) {
  const auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
  };
  const double start = now();
  work();
  return now() - start;
}

struct Times {
  std::vector<double> all;

  double Quantile(double q) {
    std::sort(all.begin(), all.end());
    return all[static_cast<std::size_t>(q * static_cast<double>(all.size() - 1))];
  }
};

void Normalise(std::span<float> row) {
  double squares = 0;
  for (const float x : row) squares += static_cast<double>(x) * x;
  for (float& x : row) x = static_cast<float>(x / std::sqrt(squares));
}

/// Points around 1000 centres that lie in a 64-dimensional part of the space, as topics of real texts do.
Rows Clustered(std::size_t count, std::uint64_t seed) {
  constexpr std::size_t kCentres = 1000, kLatent = 64;
  Rows rows;
  const std::size_t dimension = rows.dimension;
  std::mt19937_64 model(1), random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> basis(kLatent * dimension), centres(kCentres * dimension);
  for (float& x : basis) x = normal(model);
  for (std::size_t c = 0; c < kCentres; ++c) {
    for (std::size_t l = 0; l < kLatent; ++l) {
      const float weight = normal(model);
      for (std::size_t i = 0; i < dimension; ++i) centres[c * dimension + i] += weight * basis[l * dimension + i] / 8;
    }
  }
  rows.numbers.resize(count * dimension);
  for (std::size_t r = 0; r < count; ++r) {
    const std::size_t centre = random() % kCentres;
    const std::span row(rows.numbers.data() + r * dimension, dimension);
    for (std::size_t i = 0; i < dimension; ++i) row[i] = centres[centre * dimension + i] + 0.7F * normal(random);
    Normalise(row);
  }
  return rows;
}

Rows ReadFile(const char* path, std::size_t dimension) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  Rows rows;
  rows.dimension = dimension;
  rows.numbers.resize(bytes.size() / sizeof(float) / dimension * dimension);
  std::memcpy(rows.numbers.data(), bytes.data(), rows.numbers.size() * sizeof(float));
  return rows;
}

core::IndexEntry Document(core::DocumentId id, core::Version version, const Rows& rows, std::size_t first,
                          std::size_t count) {
  static constexpr std::array kLanguages = {"en", "de", "fr", "es", "it", "nl", "pl", "pt", "sv", "da"};
  core::IndexEntry entry;
  entry.id = id;
  entry.version = version;
  entry.present = true;
  entry.title = fmt::format("A document with a title of usual length, number {}", id);
  entry.key = fmt::format("https://example.org/documents/{}", id);
  entry.metadata["lang"] = core::MetadataScalar(std::string(kLanguages[static_cast<std::size_t>(id) % 10]));
  entry.metadata["year"] = core::MetadataScalar(std::int64_t{1990} + id % 35);
  entry.metadata["source"] = core::MetadataScalar(std::string("a crawl of the web"));
  entry.metadata["rare"] = core::MetadataScalar(id % 1000 == 0);
  for (std::size_t i = 0; i < count; ++i) entry.chunk_ids.push_back(static_cast<core::ChunkId>(first + i + 1));
  const auto begin = rows.numbers.begin() + static_cast<std::ptrdiff_t>(first * rows.dimension);
  entry.vectors.assign(begin, begin + static_cast<std::ptrdiff_t>(count * rows.dimension));
  return entry;
}

double Load(ExactVectorIndex& index, const Rows& rows, std::size_t chunks_per_document) {
  double total = 0;
  std::vector<core::IndexEntry> page;
  std::size_t in_page = 0;
  const auto flush = [&] {
    total += Milliseconds([&] {
      if (!index.Apply(std::move(page))) std::abort();
    });
    page.clear();
    in_page = 0;
  };
  core::DocumentId id = 1;
  for (std::size_t first = 0; first < rows.size(); first += chunks_per_document) {
    const std::size_t count = std::min(chunks_per_document, rows.size() - first);
    page.push_back(Document(id++, 1, rows, first, count));
    in_page += count;
    if (in_page >= kChunksPerPage) flush();
  }
  flush();
  return total;
}

/// What any program must pay that reads `bytes` of codes once on one thread: the floor of the figures below.
#if defined(__x86_64__)
__attribute__((target("avx2")))
#endif
std::uint64_t
ReadOnce(const std::uint64_t* words, std::size_t count) {
  std::array<std::uint64_t, 32> sums{};
  for (std::size_t i = 0; i + sums.size() <= count; i += sums.size()) {
    for (std::size_t lane = 0; lane < sums.size(); ++lane) sums[lane] += words[i + lane];
  }
  std::uint64_t total = 0;
  for (const std::uint64_t sum : sums) total += sum;
  return total;
}

class Reader {
 public:
  explicit Reader(std::size_t bytes) : arena_(bytes), count_(bytes / 8), words_(arena_.Take<std::uint64_t>(count_)) {
    std::fill_n(words_, count_, 1);
  }
  double Time() {
    volatile std::uint64_t sink = 0;
    return Milliseconds([&] { sink = ReadOnce(words_, count_); });
  }

 private:
  PageArena arena_;
  std::size_t count_;
  std::uint64_t* words_;
};

std::vector<core::ScoredChunk> MustSearch(const ExactVectorIndex& index, std::span<const float> query,
                                          const core::Filter* filter = nullptr) {
  core::VectorQuery request;
  request.vector = query;
  request.top_k = kTopK;
  request.filter = filter;
  auto result = index.Search(request);
  if (!result) std::abort();
  return *std::move(result);
}

Times TimeSearches(const ExactVectorIndex& index, const Rows& queries, const core::Filter* filter = nullptr) {
  Times times;
  for (std::size_t i = 0; i < queries.size(); ++i) {
    times.all.push_back(Milliseconds([&] { MustSearch(index, queries.row(i), filter); }));
  }
  return times;
}

std::vector<core::ChunkId> FloatTop(const Rows& rows, std::span<const float> query) {
  std::vector<std::pair<float, core::ChunkId>> scored(rows.size());
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const std::span row = rows.row(r);
    std::array<float, 16> sums{};
    for (std::size_t i = 0; i < row.size(); ++i) sums[i % sums.size()] += row[i] * query[i];
    scored[r] = {-std::accumulate(sums.begin(), sums.end(), 0.0F), static_cast<core::ChunkId>(r + 1)};
  }
  const std::size_t k = std::min(kTopK, scored.size());
  std::partial_sort(scored.begin(), scored.begin() + static_cast<std::ptrdiff_t>(k), scored.end());
  std::vector<core::ChunkId> top;
  for (std::size_t i = 0; i < k; ++i) top.push_back(scored[i].second);
  std::sort(top.begin(), top.end());
  return top;
}

void ReportAgreement(const ExactVectorIndex& index, const Rows& rows, const Rows& queries) {
  std::size_t same = 0;
  for (std::size_t q = 0; q < queries.size(); ++q) {
    std::vector<core::ChunkId> found;
    for (const core::ScoredChunk& hit : MustSearch(index, queries.row(q))) found.push_back(hit.chunk_id);
    std::sort(found.begin(), found.end());
    if (found == FloatTop(rows, queries.row(q))) ++same;
  }
  fmt::print("same top {} as a float scan: {} of {} queries\n", kTopK, same, queries.size());
}

void ReportFilters(const ExactVectorIndex& index, const Rows& queries) {
  for (const char* json :
       {R"({"field":"document_id","equals":77})", R"({"field":"key","equals":"https://example.org/documents/77"})",
        R"({"field":"metadata.rare","equals":true})", R"({"field":"metadata.lang","equals":"en"})",
        R"({"field":"metadata.year","gte":1995})"}) {
    const auto filter = core::ParseFilter(json);
    if (!filter) std::abort();
    Times times = TimeSearches(index, queries, &*filter);
    fmt::print("  {:<66} p50 {:.3f} ms, p99 {:.3f} ms\n", json, times.Quantile(0.5), times.Quantile(0.99));
  }
}

void ReportWrites(ExactVectorIndex& index, const Rows& rows) {
  const auto report = [](const char* what, Times times) {
    fmt::print("  {:<44} p50 {:.4f} ms, p99 {:.4f} ms, max {:.4f} ms\n", what, times.Quantile(0.5),
               times.Quantile(0.99), times.Quantile(1));
  };
  const auto apply = [&](core::IndexEntry entry) {
    std::vector<core::IndexEntry> batch;
    batch.push_back(std::move(entry));
    return Milliseconds([&] {
      if (!index.Apply(std::move(batch))) std::abort();
    });
  };
  const auto documents = static_cast<core::DocumentId>(rows.size() / kChunksPerDocument);
  const auto first_row = [&](core::DocumentId id) {
    return static_cast<std::size_t>(id % documents) * kChunksPerDocument;
  };
  Times added, replaced, removed;
  for (core::DocumentId id = 1; id <= 2000; ++id) {
    added.all.push_back(apply(Document(documents + 10 + id, 1, rows, first_row(id), kChunksPerDocument)));
  }
  for (core::DocumentId i = 0; i < documents; ++i) {
    const core::DocumentId id = 1 + i * 7919 % documents;
    replaced.all.push_back(apply(Document(id, 2 + i, rows, first_row(id), kChunksPerDocument)));
  }
  fmt::print("  after replacing every document: {} bytes a chunk\n", index.size().bytes / index.size().chunks);
  for (core::DocumentId id = 1; id <= documents / 2; ++id) {
    core::IndexEntry entry;
    entry.id = id;
    entry.version = 1 << 30;
    removed.all.push_back(apply(std::move(entry)));
  }
  report("add a document of 10 chunks", added);
  report("replace a document of 10 chunks", replaced);
  report("remove a document of 10 chunks", removed);
  fmt::print("  after removing half of them: {} bytes a chunk\n", index.size().bytes / index.size().chunks);
}

int Run(std::size_t chunks, std::size_t query_count, const char* path, std::size_t dimension) {
  Rows rows = path != nullptr ? ReadFile(path, dimension) : Clustered(chunks, 2);
  Rows queries;
  if (path == nullptr) {
    queries = Clustered(query_count, 3);
  } else {  // the last rows ask, and are not searched
    queries.dimension = dimension;
    if (rows.size() <= query_count) return 1;
    const auto cut = rows.numbers.end() - static_cast<std::ptrdiff_t>(query_count * dimension);
    queries.numbers.assign(cut, rows.numbers.end());
    rows.numbers.erase(cut, rows.numbers.end());
  }
  const std::size_t code_bytes = rows.size() * PaddedDimension(rows.dimension);
  Reader reader(code_bytes);
  fmt::print("{} chunks of {} dimensions, {} queries, top {}, one thread\n", rows.size(), rows.dimension,
             queries.size(), kTopK);
  for (const Kernel* kernel : SupportedKernels()) {
    ExactVectorIndex index(*kernel);
    const double load = Load(index, rows, kChunksPerDocument);
    Times reads, searches;  // in turn, so that both meet the same neighbours
    for (std::size_t i = 0; i < queries.size(); ++i) {
      reads.all.push_back(reader.Time());
      searches.all.push_back(Milliseconds([&] { MustSearch(index, queries.row(i)); }));
    }
    const double read = reads.Quantile(0.5);
    fmt::print(
        "{:<12} p50 {:.3f} ms, p99 {:.3f} ms; reading {:.1f} MB {:.3f} ms ({:.1f} GB/s): {:.2f} x; load {:.0f} ms\n",
        kernel->name, searches.Quantile(0.5), searches.Quantile(0.99), static_cast<double>(code_bytes) / 1e6, read,
        static_cast<double>(code_bytes) / read / 1e6, searches.Quantile(0.5) / read, load);
  }

  ExactVectorIndex index;
  Load(index, rows, kChunksPerDocument);
  fmt::print("{} bytes a chunk, {} more than its floats\n", index.size().bytes / index.size().chunks,
             index.size().bytes / index.size().chunks - static_cast<std::int64_t>(rows.dimension * sizeof(float)));
  ReportAgreement(index, rows, queries);
  fmt::print("filters, {} chunks a document:\n", kChunksPerDocument);
  ReportFilters(index, queries);
  ExactVectorIndex single;
  Load(single, rows, 1);
  fmt::print("filters, one chunk a document ({} bytes a chunk):\n", single.size().bytes / single.size().chunks);
  ReportFilters(single, queries);
  fmt::print("writes, one document a call:\n");
  ReportWrites(index, rows);
  return 0;
}

}  // namespace
}  // namespace millrace::index

int main(int argc, char** argv) {
  const std::size_t chunks = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100'000;
  const std::size_t queries = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 200;
  const std::size_t dimension = argc > 4 ? std::strtoull(argv[4], nullptr, 10) : 384;
  return millrace::index::Run(chunks, queries, argc > 3 ? argv[3] : nullptr, dimension);
}
