#pragma once

#include <optional>
#include <string_view>

#include "core/document.h"
#include "http/message.h"
#include "http/services.h"

namespace millrace::http {

/// Deletes the document, with `verify=true` in the query for a receipt, which waits up to `timeout` seconds for the
/// other instances. `{ID_MEMBER: 1, "status": "deleted", "verified": true, …}`; nothing when no receipt is asked for.
std::optional<Response> DeleteVerified(const Services& services, const Request& request, core::DocumentId id,
                                       std::string_view id_member);

}  // namespace millrace::http
