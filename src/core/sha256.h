#pragma once

#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace millrace::core {

/// SHA-256 of bytes that arrive in parts. Throws std::runtime_error when libcrypto lacks the algorithm.
class Sha256 {
 public:
  Sha256();

  void Update(std::string_view part);

  /// Lower-case hex, 64 characters. REQUIRES: called once, last.
  std::string HexDigest();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

std::string Sha256Hex(std::string_view bytes);

/// HMAC with SHA-256 (RFC 2104), in lower-case hex.
std::string HmacSha256Hex(std::string_view key, std::string_view bytes);

}  // namespace millrace::core
