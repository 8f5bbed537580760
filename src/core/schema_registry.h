#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/deadline.h"
#include "base/result.h"
#include "core/log.h"

namespace millrace::core {

/// What a message names its schema by.
struct SchemaReference {
  std::int32_t id = 0;  // of its registry, from 1 on; 0 when it is named by `guid`
  std::string guid;     // 36 characters, such as 89791762-2336-4186-9674-299b90a802e2

  friend auto operator<=>(const SchemaReference&, const SchemaReference&) = default;
};

/// `7`, or the GUID: for messages to people.
std::string NameOf(const SchemaReference& schema);

/// Holds the reference of a message whose value is left as it is. Confluent's serialisers write it so, and read it.
inline constexpr char kSchemaHeader[] = "__value_schema_id";

/// The header's value: a zero byte and the id in 4 bytes, big-endian. In the value itself ("framed") the same five
/// bytes come before the message.
std::string EncodeSchemaId(std::int32_t id);

/// What `record` says of its schema: in the header (a zero byte and an id, or a one and a GUID), else before its value;
/// none when it says nothing. kInvalidArgument: a header of another form.
base::Result<std::optional<SchemaReference>> SchemaOf(const LogRecord& record);

/// The message without the five bytes that may come before it. JSON never begins with a zero byte.
std::string_view Payload(std::string_view value);

struct RegisteredSchema {
  std::string type;  // `JSON`, `AVRO`, `PROTOBUF`
};

/// A registry of schemas with Confluent's API. Thread-safe. kUnavailable: no answer, or one that says to come again.
class SchemaRegistry {
 public:
  virtual ~SchemaRegistry() = default;

  /// The id of this JSON Schema as a version of `subject`; the same text again gets the same id. kConflict: the subject
  /// has versions that it is not compatible with.
  virtual base::Result<std::int32_t> Register(const std::string& subject, std::string_view schema,
                                              base::Deadline deadline) = 0;

  /// kNotFound: the registry has none.
  virtual base::Result<RegisteredSchema> Find(const SchemaReference& schema, base::Deadline deadline) = 0;

  /// Whether it answers.
  virtual base::Status Probe(base::Deadline deadline) = 0;
};

}  // namespace millrace::core
