#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "http/problem.h"

namespace millrace::http {

/// A JSON object that came as a body, whose members are taken one by one. What is wrong with them gathers, so that a
/// client learns of all of it at once. Of duplicate names the last counts.
class JsonObject {
 public:
  enum class Need { kRequired, kOptional, kNullable };  // kNullable: optional, and null means absent

  /// 400 for what is not JSON (naming the byte), 422 for JSON that is not an object.
  static std::variant<JsonObject, Problem> Parse(std::string_view text);

  JsonObject(JsonObject&&) noexcept;
  ~JsonObject();

  std::optional<std::string> String(std::string_view name, Need need);
  /// 3.0 is an integer too, as in JSON Schema.
  std::optional<std::int64_t> Integer(std::string_view name, std::int64_t low, std::int64_t high, Need need);
  std::optional<double> Number(std::string_view name, double low, double high, Need need);
  /// Of an object member: its text, for those who read it themselves, or its members.
  std::optional<std::string> ObjectText(std::string_view name, Need need);
  std::optional<JsonObject> Object(std::string_view name, Need need);
  std::optional<bool> Bool(std::string_view name, Need need);
  /// Of an array of at most `most` integers.
  std::optional<std::vector<std::int64_t>> Integers(std::string_view name, std::int64_t low, std::int64_t high,
                                                    std::size_t most);
  /// Of an object of strings; nulls among them too where they are allowed.
  std::map<std::string, std::optional<std::string>> Strings(std::string_view name, bool nulls);
  /// Of any value, U+0000 included: a string's characters, anything else as JSON, nothing inside for null.
  std::optional<std::optional<std::string>> AnyText(std::string_view name);

  /// An error for each member that was not asked for.
  void RefuseOthers();

  /// `detail` follows the member's name in a sentence: `must not be blank`.
  void AddError(std::string_view name, std::string detail);
  void AddError(const base::Error& error);

  /// 422 with all errors of this object and those taken from it; nothing when there are none.
  std::optional<Problem> problem() const;

 private:
  struct State;
  explicit JsonObject(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace millrace::http
