#pragma once

#include <cassert>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace millrace::base {

/// What went wrong, seen from the caller: whose fault it is and whether trying again can help.
/// `http/problem.cc` is the one place that maps these to HTTP statuses.
enum class Code {
  kInvalidArgument,   // the caller's input is wrong; the same call will fail again
  kNotFound,          // the thing named does not exist
  kConflict,          // the state has moved on: a stale generation, a lock held by another process
  kTooLarge,          // the input is beyond a configured bound
  kOverloaded,        // a bounded queue is full; try again later
  kUnavailable,       // a dependency is down (disk full, database busy); try again later
  kDeadlineExceeded,  // the wait ended before the work did; the work may still happen
  kCorrupt,           // stored bytes are not what was written
  kInternal,          // a bug
};

std::string_view CodeName(Code code);

/// True when the same call may succeed later without any change by the caller.
bool IsRetryable(Code code);

struct Error {
  Code code = Code::kInternal;
  std::string message;  // one plain sentence, names what was expected
  std::string field;    // JSON pointer of the offending field (`/metadata/lang`), empty when none
};

/// A value or an error; spelled like std::expected, which g++ 12 lacks.
template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit, as in std::expected
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT
  Result(Code code, std::string message) : Result(Error{code, std::move(message), {}}) {}

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  // REQUIRES: has_value()
  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::get<0>(std::move(state_)); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  // REQUIRES: !has_value()
  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}  // NOLINT: implicit, as in std::expected
  Result(Code code, std::string message) : Result(Error{code, std::move(message), {}}) {}

  bool has_value() const { return ok_; }
  explicit operator bool() const { return ok_; }
  const Error& error() const& { return error_; }
  Error&& error() && { return std::move(error_); }

 private:
  Error error_;
  bool ok_ = true;
};

using Status = Result<void>;

}  // namespace millrace::base

#define MILLRACE_CONCAT_INNER(a, b) a##b
#define MILLRACE_CONCAT(a, b) MILLRACE_CONCAT_INNER(a, b)

/// Returns the error of `expr` from the enclosing function.
#define RETURN_IF_ERROR(expr)                                                                       \
  do {                                                                                              \
    if (auto millrace_status = (expr); !millrace_status) return std::move(millrace_status).error(); \
  } while (false)

/// ASSIGN_OR_RETURN(auto x, Call()): the value, or returns the error from the enclosing function.
#define ASSIGN_OR_RETURN(lhs, expr) ASSIGN_OR_RETURN_IMPL(MILLRACE_CONCAT(millrace_result_, __LINE__), lhs, expr)
#define ASSIGN_OR_RETURN_IMPL(tmp, lhs, expr) \
  auto tmp = (expr);                          \
  if (!tmp) return std::move(tmp).error();    \
  lhs = std::move(tmp).value()
