#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "http/message.h"

namespace millrace::http {

class JsonWriter;

struct FieldError {
  std::string pointer;  // RFC 6901, into the body; `query/limit` for a query parameter is `/limit`
  std::string detail;
};

/// An RFC 9457 answer. `detail` is always a plain string, because the contract's clients read it.
struct Problem {
  int status = 500;
  std::string detail;
  std::vector<FieldError> errors;
};

/// The one place where errors become HTTP statuses.
Problem ToProblem(const base::Error& error);

/// `application/problem+json`; 503 carries Retry-After.
Response ToResponse(const Problem& problem);
Response ToResponse(const base::Error& error);

/// The problem as members of an open object: status, detail and errors.
void WriteProblem(JsonWriter& json, const Problem& problem);

/// 422 for one field.
Problem InvalidField(std::string pointer, std::string detail);

}  // namespace millrace::http
