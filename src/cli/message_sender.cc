#include "cli/message_sender.h"

#include <fmt/core.h>

#include <boost/json.hpp>
#include <utility>

#include "cli/api.h"
#include "cli/terminal_text.h"

namespace millrace::cli {
namespace json = boost::json;
namespace {

constexpr size_t kBatchLines = 500;
constexpr size_t kBatchBytes = 1 << 20;

}  // namespace

MessageSender::MessageSender(const Context& context, std::string topic)
    : output_(context.output), client_(context.connection), topic_(std::move(topic)) {}

base::Status MessageSender::Add(std::string_view message, size_t line) {
  batch_ += message;
  batch_ += '\n';
  lines_.push_back(line);
  return lines_.size() < kBatchLines && batch_.size() < kBatchBytes ? base::Status() : Flush();
}

base::Status MessageSender::Flush() {
  if (lines_.empty()) return {};
  const std::string path = fmt::format("/v1/topics/{}/messages", EncodeQueryValue(topic_));
  // Once: a second copy of a message is a second message.
  ASSIGN_OR_RETURN(const Response response, client_.Send({"POST", path, "application/x-ndjson", batch_, 60, true}));
  if (response.status != 200) return ReadAnswer(response).error();
  std::string_view rest = response.body;
  while (!rest.empty()) {
    const std::string_view text = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(text.size() + 1, rest.size()));
    ASSIGN_OR_RETURN(const json::value answer, ParseJson(text));
    if (!answer.is_object()) return {base::Code::kCorrupt, "the answer is not what Millrace writes"};
    const json::object& result = answer.get_object();
    const auto index = static_cast<size_t>(IntegerAt(result, "line"));
    const size_t line = index >= 1 && index <= lines_.size() ? lines_[index - 1] : 0;
    if (result.contains("error")) {
      ++refused_;
      Complain(fmt::format("millrace: line {}: {}", line, DescribeProblem(ObjectAt(result, "error"))));
      continue;
    }
    ++sent_;
    Print(output_ != OutputFormat::kTable ? FormatJson(json::object{{"topic", topic_},
                                                                    {"partition", IntegerAt(result, "partition")},
                                                                    {"offset", IntegerAt(result, "offset")}}) +
                                                "\n"
                                          : fmt::format("{}  partition {}  offset {}\n", EscapeControls(topic_),
                                                        NumberText(result, "partition"), NumberText(result, "offset")));
  }
  FlushOutput();
  batch_.clear();
  lines_.clear();
  return {};
}

}  // namespace millrace::cli
