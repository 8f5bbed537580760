#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "http/router.h"
#include "unit/http/fake_services.h"

namespace millrace::http {

/// Every route over a log in memory.
class LogRoutes : public testing::Test {
 protected:
  Response Ask(std::string method, std::string target, std::string body = {}, std::string type = "application/json") {
    Request request;
    request.method = std::move(method);
    request.target = std::move(target);
    request.body = std::move(body);
    request.headers = {{"host", "localhost:8000"}, {"content-type", std::move(type)}};
    if (auto refusal = router_.Admit(request)) return *refusal;
    return router_.Run(request);
  }
  int Status(std::string method, std::string target, std::string body = {}) {
    return Ask(std::move(method), std::move(target), std::move(body)).status;
  }
  boost::json::object Json(const Response& response) { return boost::json::parse(response.body).as_object(); }
  boost::json::object Get(std::string target) { return Json(Ask("GET", std::move(target))); }

  void CreateTopic(const std::string& name, std::int32_t partitions = 1) {
    ASSERT_TRUE(fake_.memory_log.admin().CreateTopic({name, partitions, 1, {}}));
  }
  void Produce(const std::string& topic, std::int32_t partition, std::vector<std::string> values) {
    for (std::string& value : values) {
      core::LogRecord record{{topic, partition, -1}, "k", std::move(value), {}, core::Now()};
      ASSERT_TRUE(fake_.memory_log.producer().Produce({std::move(record)}, base::Deadline::AfterSeconds(5))->front());
    }
  }

  FakeServices fake_;
  Router router_{BuildRoutes(fake_.services()), AccessOptions{}, fake_.metrics};
};

}  // namespace millrace::http
