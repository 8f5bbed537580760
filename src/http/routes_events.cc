#include <fmt/core.h>

#include <iterator>
#include <limits>
#include <memory>
#include <utility>

#include "http/codec.h"
#include "http/json_writer.h"
#include "http/problem.h"
#include "http/routes.h"

namespace millrace::http {
namespace {

class HubStream final : public EventStream {
 public:
  HubStream(search::EventHub& hub, std::optional<core::DocumentId> document) : hub_(hub), document_(document) {}

  void Start(std::function<void()> ready) override { subscription_ = hub_.Subscribe(document_, std::move(ready)); }

  std::string Take() override {
    const auto batch = subscription_->Take();
    std::string text;
    if (batch.dropped > 0) {
      text += fmt::format("event: dropped\ndata: {{\"dropped\":{}}}\n\n", batch.dropped);
    }
    for (const core::DocumentEvent& event : batch.events) {
      fmt::format_to(std::back_inserter(text), "id: {}-{}\nevent: document.{}\ndata: {}\n\n", event.position.partition,
                     event.position.offset, core::StatusName(event.status), core::FormatEvent(event));
    }
    return text;
  }

 private:
  search::EventHub& hub_;
  std::optional<core::DocumentId> document_;
  std::shared_ptr<search::EventHub::Subscription> subscription_;
};

Response Watch(const Services& services, const Request& request) {
  if (const auto problem = CheckQuery(request, {"document_id"})) return ToResponse(*problem);
  std::optional<core::DocumentId> document;
  if (const auto text = Find(request.query, "document_id")) {
    const auto id = DecodeInteger("document_id", *text, 1, std::numeric_limits<core::DocumentId>::max());
    if (const auto* problem = std::get_if<Problem>(&id)) return ToResponse(*problem);
    document = std::get<std::int64_t>(id);
  }
  JsonWriter hello;
  hello.BeginObject().Member("server_time", core::FormatTimestamp(core::Now())).EndObject();
  Response response;
  response.content_type = "text/event-stream";
  response.body = fmt::format("event: hello\ndata: {}\n\n", hello.text());
  response.events = std::make_shared<HubStream>(services.events, document);
  return response;
}

}  // namespace

void AddEventRoutes(const Services& services, std::vector<Route>& routes) {
  routes.push_back({"GET", "/v1/events", Scope::kRead, "watchEvents", Surface::kV1,
                    [services](const Request& request) { return Watch(services, request); }});
}

}  // namespace millrace::http
