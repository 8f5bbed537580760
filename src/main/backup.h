#pragma once

#include <string>
#include <vector>

namespace millrace::app {

/// `millrace backup FILE`: writes the embedded store to FILE, while its server may go on. The exit code.
int Backup(const std::vector<std::string>& arguments);

/// `millrace restore FILE`: makes FILE the embedded store, in a new epoch. In a cluster, without FILE: begins the new
/// epoch after the database's own tools restored it. The exit code.
int Restore(const std::vector<std::string>& arguments);

}  // namespace millrace::app
