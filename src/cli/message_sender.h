#pragma once

#include <string>

#include "cli/command.h"
#include "cli/http_client.h"

namespace millrace::cli {

/// Sends messages to a topic in batches and prints where each of them went.
class MessageSender {
 public:
  MessageSender(const Context& context, std::string topic);

  /// `message`: one line, a body of POST /v1/topics/{name}/messages. `line`: its number, for people.
  base::Status Add(std::string_view message, size_t line);
  /// Sends what was added. An error ends everything; a message that was refused does not.
  base::Status Flush();

  size_t sent() const { return sent_; }
  size_t refused() const { return refused_; }

 private:
  const OutputFormat output_;
  HttpClient client_;
  const std::string topic_;
  std::string batch_;
  std::vector<size_t> lines_;  // of the batch
  size_t sent_ = 0, refused_ = 0;
};

/// The contract's sample messages to both of its topics, or to the one that is named. Returns an exit code.
int ProduceSamples(const std::string& only, const Context& context);

}  // namespace millrace::cli
