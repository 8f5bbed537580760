#include "adapters/redis/connection.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <hiredis.h>
#include <hiredis_ssl.h>
#include <openssl/err.h>

#include <utility>

namespace millrace::redis {

using base::Code;
using base::Deadline;
using base::Error;

namespace {

/// Never zero, which a socket takes for "for ever".
timeval TimeLeft(Deadline deadline) {
  const auto left = std::max(std::chrono::microseconds(1000),
                             std::chrono::duration_cast<std::chrono::microseconds>(deadline.remaining()));
  return {static_cast<time_t>(left.count() / 1'000'000), static_cast<suseconds_t>(left.count() % 1'000'000)};
}

Reply Convert(const redisReply& from) {
  Reply reply;
  switch (from.type) {
    case REDIS_REPLY_INTEGER:
      reply.kind = Reply::Kind::kInteger;
      reply.integer = from.integer;
      break;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
      reply.kind = Reply::Kind::kText;
      reply.text.assign(from.str, from.len);
      break;
    case REDIS_REPLY_ERROR:
      reply.kind = Reply::Kind::kError;
      reply.text.assign(from.str, from.len);
      break;
    case REDIS_REPLY_ARRAY:
      reply.kind = Reply::Kind::kList;
      reply.list.reserve(from.elements);
      for (std::size_t i = 0; i < from.elements; ++i) reply.list.push_back(Convert(*from.element[i]));
      break;
    default: break;
  }
  return reply;
}

bool IsAddress(const std::string& host) {
  in6_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1 || inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

const char* OrNull(const std::string& text) { return text.empty() ? nullptr : text.c_str(); }

/// The reason with the file that it is about.
std::string DescribeTlsError(redisSSLContextError error, const RedisOptions& options) {
  const std::string& file = error == REDIS_SSL_CTX_CA_CERT_LOAD_FAILED       ? options.ca_file
                            : error == REDIS_SSL_CTX_CLIENT_CERT_LOAD_FAILED ? options.cert_file
                            : error == REDIS_SSL_CTX_PRIVATE_KEY_LOAD_FAILED ? options.key_file
                                                                             : std::string();
  const std::string reason = redisSSLContextGetError(error);
  return file.empty() ? reason : reason + ": " + file;
}

}  // namespace

void Connection::Close::operator()(redisContext* context) const { redisFree(context); }

Connection::Connection(Context context, std::string peer) : context_(std::move(context)), peer_(std::move(peer)) {}

base::Result<std::unique_ptr<Connection>> Connection::Open(const RedisOptions& options, Deadline deadline) {
  std::string peer = fmt::format("redis at {}:{}", options.host, options.port);
  if (deadline.expired()) return Error{Code::kDeadlineExceeded, peer + ": no time is left to connect", {}};
  const timeval timeout = TimeLeft(deadline);
  redisOptions wanted{};
  REDIS_OPTIONS_SET_TCP(&wanted, options.host.c_str(), options.port);
  wanted.options = REDIS_OPT_PREFER_IP_UNSPEC | REDIS_OPT_SET_SOCK_CLOEXEC;
  wanted.connect_timeout = &timeout;
  Context context(redisConnectWithOptions(&wanted));
  if (context == nullptr) return Error{Code::kUnavailable, peer + ": out of memory", {}};
  std::unique_ptr<Connection> connection(new Connection(std::move(context), std::move(peer)));
  if (connection->context_->err != 0) return connection->Failure(deadline);
  redisEnableKeepAlive(connection->context_.get());  // an idle one that a firewall forgot is noticed
  if (options.tls) RETURN_IF_ERROR(connection->StartTls(options, deadline));
  RETURN_IF_ERROR(connection->LogIn(options, deadline));
  return connection;
}

base::Status Connection::StartTls(const RedisOptions& options, Deadline deadline) {
  redisSSLOptions wanted{};
  wanted.cacert_filename = OrNull(options.ca_file);
  wanted.cert_filename = OrNull(options.cert_file);
  wanted.private_key_filename = OrNull(options.key_file);
  wanted.server_name = IsAddress(options.host) ? nullptr : options.host.c_str();
  wanted.verify_mode = REDIS_SSL_VERIFY_PEER;
  wanted.verify_name = options.host.c_str();
  // Read anew for each connection, so that renewed certificates are picked up; connections are few.
  redisSSLContextError error = REDIS_SSL_CTX_NONE;
  const std::unique_ptr<redisSSLContext, decltype(&redisFreeSSLContext)> tls(
      redisCreateSSLContextWithOptions(&wanted, &error), &redisFreeSSLContext);
  if (tls == nullptr) return Error{Code::kUnavailable, peer_ + ": TLS: " + DescribeTlsError(error, options), {}};
  RETURN_IF_ERROR(Bound(deadline));
  if (redisInitiateSSLWithContext(context_.get(), tls.get()) == REDIS_OK) return {};
  Error failure = Failure(deadline);
  if (failure.code == Code::kDeadlineExceeded) failure.message += ": does it speak TLS on this port?";
  return failure;
}

base::Status Connection::LogIn(const RedisOptions& options, Deadline deadline) {
  std::vector<Command> commands;
  if (!options.password.empty()) {
    commands.push_back(options.username.empty() ? Command{"AUTH", options.password}
                                                : Command{"AUTH", options.username, options.password});
  }
  if (options.database != 0) commands.push_back({"SELECT", std::to_string(options.database)});
  ASSIGN_OR_RETURN(const auto replies, Run(commands, deadline));
  for (const Reply& reply : replies) {
    if (reply.kind == Reply::Kind::kError) return Error{Code::kUnavailable, peer_ + ": " + reply.text, {}};
  }
  return {};
}

base::Result<std::vector<Reply>> Connection::Run(std::span<const Command> commands, Deadline deadline) {
  std::vector<const char*> words;
  std::vector<std::size_t> sizes;
  for (const Command& command : commands) {
    words.clear();
    sizes.clear();
    for (const std::string& word : command) {
      words.push_back(word.data());
      sizes.push_back(word.size());
    }
    if (redisAppendCommandArgv(context_.get(), static_cast<int>(words.size()), words.data(), sizes.data()) !=
        REDIS_OK) {
      return Failure(deadline);
    }
  }
  RETURN_IF_ERROR(Send(deadline));
  std::vector<Reply> replies;
  replies.reserve(commands.size());
  while (replies.size() < commands.size()) {
    ASSIGN_OR_RETURN(Reply reply, Receive(deadline));
    replies.push_back(std::move(reply));
  }
  return replies;
}

base::Status Connection::Send(Deadline deadline) {
  for (int done = 0; done == 0;) {
    RETURN_IF_ERROR(Bound(deadline));
    if (redisBufferWrite(context_.get(), &done) != REDIS_OK) return Failure(deadline);
  }
  return {};
}

base::Result<Reply> Connection::Receive(Deadline deadline) {
  while (true) {
    void* raw = nullptr;
    if (redisGetReplyFromReader(context_.get(), &raw) != REDIS_OK) return Failure(deadline);
    if (raw != nullptr) {
      const std::unique_ptr<redisReply, decltype(&freeReplyObject)> reply(static_cast<redisReply*>(raw),
                                                                          &freeReplyObject);
      return Convert(*reply);
    }
    RETURN_IF_ERROR(Bound(deadline));
    if (redisBufferRead(context_.get()) != REDIS_OK) return Failure(deadline);
  }
}

base::Status Connection::Bound(Deadline deadline) {
  if (deadline.expired()) return Failure(deadline);
  if (redisSetTimeout(context_.get(), TimeLeft(deadline)) != REDIS_OK) return Failure(deadline);
  return {};
}

Error Connection::Failure(Deadline deadline) const {
  if (deadline.expired()) return {Code::kDeadlineExceeded, peer_ + " did not answer in time", {}};
  std::string reason = context_->err != 0 ? context_->errstr : "the connection broke";
  // hiredis says "Success" of what OpenSSL refused after the handshake, such as a missing client certificate.
  const unsigned long refused = context_->privctx != nullptr ? ERR_peek_last_error() : 0;
  if (const char* why = ERR_reason_error_string(refused); why != nullptr) reason = std::string("TLS: ") + why;
  ERR_clear_error();
  return {Code::kUnavailable, peer_ + ": " + reason, {}};
}

}  // namespace millrace::redis
