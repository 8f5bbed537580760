#include "http/routes.h"

#include <utility>

#include "http/idempotency.h"

namespace millrace::http {

std::vector<Route> BuildRoutes(const Services& services) {
  std::vector<Route> routes;
  AddContractRoutes(services, routes);
  const auto waiting = std::make_shared<Waiting>(services);
  AddDocumentRoutes(services, waiting, routes);
  AddBulkRoutes(services, waiting, routes);
  AddSearchRoutes(services, routes);
  AddAnalyticsRoutes(services, routes);
  AddEventRoutes(services, routes);
  AddTopicRoutes(services, routes);
  AddMessageRoutes(services, routes);
  AddGroupRoutes(services, routes);
  AddDeadLetterRoutes(services, routes);
  AddReindexRoutes(services, routes);
  AddReplayRoutes(services, routes);
  AddAdminRoutes(services.operations(), routes);
  AddHistoryRoutes(services, routes);
  AddSchemaRoutes(routes);
  AddDocsRoutes(routes);
  AddConsoleRoutes(routes);
  for (Route& route : routes) {
    if (MayBeKeyed(route)) route.handler = Once(services.keyed_requests, std::move(route.handler));
  }
  return routes;
}

std::vector<Route> BuildWorkerRoutes(const Operations& operations) {
  std::vector<Route> routes;
  AddAdminRoutes(operations, routes);
  return routes;
}

}  // namespace millrace::http
