#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <ctime>

#include "cli/api.h"
#include "cli/exit_code.h"
#include "cli/message_sender.h"

namespace millrace::cli {
namespace json = boost::json;
namespace {

constexpr char kUploads[] = "document-uploads", kSearches[] = "search-analytics";

struct Sample {
  const char *title, *content;
};

constexpr std::array<Sample, 3> kDocuments = {
    {{"Python Guide", "Python is a programming language. It is easy to learn."},
     {"Kafka in short", "Kafka keeps messages in topics. A topic has partitions. Each message has an offset."},
     {"Search by meaning", "Texts become vectors. Vectors that are near each other mean nearly the same."}}};
constexpr std::array<const char*, 3> kQueries = {"what is Python", "how does Kafka keep messages", "what is a vector"};
constexpr std::int64_t kDistance = 1000;  // from documents that are there

std::string TimeText() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  const size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  return std::string(text.data(), size);
}

base::Result<std::int64_t> HighestDocument(const Context& context) {
  HttpClient client(context.connection);
  ASSIGN_OR_RETURN(const json::value answer, Call(client, {"GET", "/v1/documents?limit=1"}));
  const json::array& newest = ArrayAt(answer.get_object(), "documents");
  return newest.empty() || !newest.front().is_object() ? 0 : IntegerAt(newest.front().get_object(), "id");
}

base::Status SendDocuments(MessageSender& sender, std::int64_t first) {
  for (size_t i = 0; i < kDocuments.size(); ++i) {
    const std::int64_t id = first + static_cast<std::int64_t>(i);
    const json::object value = {{"document_id", id},
                                {"title", kDocuments[i].title},
                                {"content", kDocuments[i].content},
                                {"status", "pending"},
                                {"created_at", TimeText()}};
    const json::object message = {{"key", fmt::format("doc_{}", id)}, {"value", json::serialize(value)}};
    RETURN_IF_ERROR(sender.Add(json::serialize(message), i + 1));
  }
  return sender.Flush();
}

base::Status SendSearches(MessageSender& sender) {
  for (size_t i = 0; i < kQueries.size(); ++i) {
    const std::string value =
        fmt::format(R"({{"query":"{}","results_count":{},"top_similarity":0.85,"timestamp":"{}"}})", kQueries[i], i + 1,
                    TimeText());
    RETURN_IF_ERROR(sender.Add(json::serialize(json::object{{"value", value}}), i + 1));
  }
  return sender.Flush();
}

}  // namespace

int ProduceSamples(const std::string& only, const Context& context) {
  MessageSender uploads(context, kUploads), searches(context, kSearches);
  if (!only.empty() && only != kUploads && only != kSearches) {
    Complain(fmt::format("millrace produce: there are samples for {} and {} only", kUploads, kSearches));
    return kUsage;
  }
  base::Status status;
  if (only != kSearches) {
    const auto highest = HighestDocument(context);
    status = highest ? SendDocuments(uploads, *highest + kDistance) : base::Status(highest.error());
  }
  if (status && only != kUploads) status = SendSearches(searches);
  const size_t sent = uploads.sent() + searches.sent();
  if (!status) {
    const int code = Report(status.error());
    return sent > 0 ? kPartly : code;
  }
  if (uploads.refused() + searches.refused() == 0) return kOk;
  return sent > 0 ? kPartly : kFailed;
}

}  // namespace millrace::cli
