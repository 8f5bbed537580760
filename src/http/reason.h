#pragma once

#include <string_view>

namespace millrace::http {

/// RFC 9110's phrase for a status that this server sends, also the title of its problems; empty for others.
std::string_view ReasonPhrase(int status);

}  // namespace millrace::http
