#pragma once

#include <memory>
#include <vector>

#include "http/services.h"
#include "http/wait.h"

namespace millrace::http {

/// The parts of BuildRoutes, by subject.
void AddContractRoutes(const Services& services, std::vector<Route>& routes);
void AddDocumentRoutes(const Services& services, std::shared_ptr<Waiting> waiting, std::vector<Route>& routes);
void AddBulkRoutes(const Services& services, std::shared_ptr<Waiting> waiting, std::vector<Route>& routes);
void AddSearchRoutes(const Services& services, std::vector<Route>& routes);
void AddAnalyticsRoutes(const Services& services, std::vector<Route>& routes);
void AddEventRoutes(const Services& services, std::vector<Route>& routes);
void AddTopicRoutes(const Services& services, std::vector<Route>& routes);
void AddMessageRoutes(const Services& services, std::vector<Route>& routes);
void AddGroupRoutes(const Services& services, std::vector<Route>& routes);
void AddDeadLetterRoutes(const Services& services, std::vector<Route>& routes);
void AddReindexRoutes(const Services& services, std::vector<Route>& routes);
void AddReplayRoutes(const Services& services, std::vector<Route>& routes);
void AddAdminRoutes(const Operations& operations, std::vector<Route>& routes);
void AddHistoryRoutes(const Services& services, std::vector<Route>& routes);
void AddSchemaRoutes(std::vector<Route>& routes);
void AddDocsRoutes(std::vector<Route>& routes);
void AddConsoleRoutes(std::vector<Route>& routes);

}  // namespace millrace::http
