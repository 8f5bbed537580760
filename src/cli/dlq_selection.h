#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace CLI {
class App;
}
namespace boost::json {
class object;
}

namespace millrace::cli {

/// Which dead letters a command is about.
struct DlqSelection {
  std::vector<int64_t> ids;
  std::string code, stage, since, until;
  int64_t document = 0;
  bool all = false;

  bool has_filter() const {
    return !code.empty() || !stage.empty() || !since.empty() || !until.empty() || document > 0;
  }

  /// The filters as more of a query: `&code=…`.
  std::string Query() const;
  /// `{"ids"}` or `{"filter"}`, as redrive and purge want it.
  boost::json::object Body() const;
};

void AddDlqFilters(CLI::App& app, DlqSelection& selection);
/// Also --ids and --all; one of the three ways must be taken.
void AddDlqSelection(CLI::App& app, DlqSelection& selection);
/// False, with a complaint, when none or several of them are.
bool CheckDlqSelection(const char* who, const DlqSelection& selection);

}  // namespace millrace::cli
