#include "http/delete.h"

#include <utility>

#include "http/codec.h"
#include "http/json_writer.h"
#include "http/problem.h"

namespace millrace::http {
namespace {

constexpr char kReceiptPatience[] = "5";
constexpr double kMaxReceiptPatience = 60;

void WriteCount(JsonWriter& json, std::string_view name, const ingest::FoundLeft& count) {
  json.Key(name).BeginObject().Member("found", count.found).Member("left", count.left).EndObject();
}

void WriteCache(JsonWriter& json, const ingest::DeleteReceipt& receipt) {
  if (receipt.cache) {
    WriteCount(json, "cache", *receipt.cache);
  } else {
    json.Key("cache").Null();
  }
  if (!receipt.cache_error.empty()) json.Member("cache_error", receipt.cache_error);
}

void WriteRecord(JsonWriter& json, const ingest::DeleteReceipt::Record& one) {
  const core::Position& position = one.record.position;
  json.BeginObject().Member("topic", position.topic).Member("partition", position.partition);
  json.Member("offset", position.offset).Member("for_ever", one.for_ever).Key("kept_until");
  if (one.kept_until) {
    json.Value(core::FormatTimestamp(*one.kept_until));
  } else {
    json.Null();
  }
  json.EndObject();
}

Response ReceiptResponse(const ingest::DeleteReceipt& receipt, std::string_view id_member) {
  JsonWriter json;
  json.BeginObject().Member(id_member, receipt.id).Member("status", "deleted").Member("verified", receipt.verified());
  json.Member("already_deleted", receipt.already_deleted).Key("store").BeginObject();
  for (const auto& [name, count] : receipt.store) WriteCount(json, name, count);
  json.EndObject();
  WriteCache(json, receipt);
  WriteCount(json, "index", receipt.index);
  json.Key("instances").BeginArray();
  for (const auto& witness : receipt.instances) {
    json.BeginObject().Member("id", witness.id).Member("role", witness.role).Member("url", witness.url);
    json.Member("state", witness.confirmed ? "confirmed" : "unreachable").EndObject();
  }
  json.EndArray().Key("log").BeginArray();
  for (const auto& record : receipt.log) WriteRecord(json, record);
  json.EndArray();
  if (!receipt.log_error.empty()) json.Member("log_error", receipt.log_error);
  json.Member("checked_at", core::FormatTimestamp(receipt.checked_at)).EndObject();
  Response response;
  response.body = std::move(json).Take();
  return response;
}

}  // namespace

std::optional<Response> DeleteVerified(const Services& services, const Request& request, core::DocumentId id,
                                       std::string_view id_member) {
  const auto verify = DecodeBool("verify", Find(request.query, "verify").value_or("false"));
  if (const auto* problem = std::get_if<Problem>(&verify)) return ToResponse(*problem);
  const auto timeout = Find(request.query, "timeout");
  if (!std::get<bool>(verify)) {
    if (timeout) return ToResponse(InvalidField("/timeout", "is of verify=true only"));
    return std::nullopt;
  }
  const auto patience = DecodeSeconds("timeout", timeout.value_or(kReceiptPatience), kMaxReceiptPatience);
  if (const auto* problem = std::get_if<Problem>(&patience)) return ToResponse(*problem);
  const auto receipt =
      services.verified_delete.Run(id, base::Deadline::AfterSeconds(std::get<double>(patience)), request.deadline);
  if (!receipt) return ToResponse(receipt.error());
  return ReceiptResponse(*receipt, id_member);
}

}  // namespace millrace::http
