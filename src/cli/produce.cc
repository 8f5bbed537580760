#include <fmt/core.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <memory>

#include "base/base64.h"
#include "base/utf8.h"
#include "cli/api.h"
#include "cli/exit_code.h"
#include "cli/message_sender.h"

namespace millrace::cli {
namespace json = boost::json;
namespace {

constexpr size_t kMaxLineBytes = 16 << 20;

struct ProduceOptions {
  std::string topic, value, key;
  bool has_value = false, has_key = false, json_lines = false, sample = false;
  std::vector<std::string> headers;
  int partition = -1;
};

std::string MessageOf(std::string_view value, const ProduceOptions& options) {
  json::object message;
  if (base::IsValidUtf8(value)) {
    message["value"] = json::string_view(value.data(), value.size());
  } else {
    message["value_base64"] = base::EncodeBase64(value);
  }
  if (options.has_key) message["key"] = options.key;
  if (options.partition >= 0) message["partition"] = options.partition;
  json::object headers;
  for (const std::string& header : options.headers) {
    const size_t equals = header.find('=');
    headers[header.substr(0, equals)] = header.substr(equals + 1);
  }
  if (!headers.empty()) message["headers"] = std::move(headers);
  return json::serialize(message);
}

/// A message a line. What was read is sent before more is waited for, so that a slow writer's lines do not lie here.
base::Status SendStandardInput(const ProduceOptions& options, MessageSender& sender) {
  std::string text;
  std::array<char, 64 << 10> buffer{};
  size_t line = 0;
  const auto take = [&](std::string_view one) -> base::Status {
    ++line;
    if (options.json_lines) return base::TrimWhiteSpace(one).empty() ? base::Status() : sender.Add(one, line);
    return sender.Add(MessageOf(one, options), line);
  };
  while (true) {
    const ssize_t count = read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return {base::Code::kUnavailable, fmt::format("cannot read stdin: {}", std::strerror(errno))};
    if (count == 0) break;
    text.append(buffer.data(), static_cast<size_t>(count));
    size_t begin = 0;
    for (size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
      RETURN_IF_ERROR(take(std::string_view(text).substr(begin, end - begin)));
      begin = end + 1;
    }
    text.erase(0, begin);
    if (text.size() > kMaxLineBytes) return {base::Code::kTooLarge, fmt::format("line {} is too long", line + 1)};
    RETURN_IF_ERROR(sender.Flush());
  }
  return text.empty() ? base::Status() : take(text);
}

int Produce(const ProduceOptions& options, const Context& context) {
  if (options.sample) return ProduceSamples(options.topic, context);
  if (options.topic.empty()) {
    Complain("millrace produce: name a topic");
    return kUsage;
  }
  MessageSender sender(context, options.topic);
  auto status =
      options.has_value ? sender.Add(MessageOf(options.value, options), 1) : SendStandardInput(options, sender);
  if (status) status = sender.Flush();
  if (!status) {
    const int code = Report(status.error());
    return sender.sent() > 0 ? kPartly : code;
  }
  if (sender.refused() == 0) return kOk;
  return sender.sent() > 0 ? kPartly : kFailed;
}

const CLI::Validator& IsHeader() {
  static const CLI::Validator validator(
      [](std::string& text) {
        const size_t equals = text.find('=');
        return equals == std::string::npos || equals == 0 ? "'" + text + "' is not of the form h=v" : std::string();
      },
      "");
  return validator;
}

CommandBody DeclareProduce(CLI::App& app) {
  auto options = std::make_shared<ProduceOptions>();
  app.add_option("TOPIC", options->topic, "The topic");
  auto* value = app.add_option("VALUE", options->value, "The message; without it each line of stdin is one");
  auto* key =
      app.add_option("-k,--key", options->key, "Their key; equal keys go to the same partition")->type_name("K");
  auto* headers = app.add_option("-H,--header", options->headers, "A header; may be repeated")
                      ->type_name("H=V")
                      ->allow_extra_args(false)
                      ->check(IsHeader());
  auto* partition = app.add_option("-p,--partition", options->partition, "The partition, instead of by key")
                        ->type_name("P")
                        ->check(CLI::NonNegativeNumber);
  app.add_flag("-J,--json-lines", options->json_lines,
               "Lines of stdin are objects with key, value (or value_base64), headers and partition")
      ->excludes(value)
      ->excludes(key)
      ->excludes(headers)
      ->excludes(partition);
  app.add_flag("--sample", options->sample,
               "Send sample messages to document-uploads and search-analytics, or to TOPIC of these");
  return [options, value, key](const Context& context) {
    options->has_value = value->count() > 0;
    options->has_key = key->count() > 0;
    return Produce(*options, context);
  };
}

}  // namespace

Command ProduceCommand() {
  return {"produce", "Send messages to a topic",
          "  millrace produce greetings 'Hello' -k doc_1 -H source=me\n"
          "  printf 'one\\ntwo\\n' | millrace produce greetings\n"
          "  echo '{\"key\":\"k\",\"value\":{\"n\":1}}' | millrace produce greetings -J\n"
          "  millrace produce --sample\n",
          DeclareProduce};
}

}  // namespace millrace::cli
