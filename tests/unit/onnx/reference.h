#pragma once

#include <boost/json.hpp>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace millrace::onnx {

/// What sentence-transformers makes of a text: made by make_reference.py.
struct Reference {
  std::string text;
  std::vector<std::int32_t> ids;
  std::vector<float> vector;
};

inline std::vector<Reference> LoadReferences() {
  std::ifstream file(MILLRACE_REFERENCE);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::vector<Reference> references;
  const auto parsed = boost::json::parse(text);
  for (const auto& entry : parsed.as_array()) {
    references.push_back({std::string(entry.at("text").as_string()),
                          boost::json::value_to<std::vector<std::int32_t>>(entry.at("ids")),
                          boost::json::value_to<std::vector<float>>(entry.at("vector"))});
  }
  return references;
}

}  // namespace millrace::onnx
