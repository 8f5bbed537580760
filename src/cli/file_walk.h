#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace millrace::cli {

struct SourceFile {
  std::filesystem::path path;
  std::string key;   // how the server knows it from run to run
  std::string type;  // "txt", "md", "rst", "html" or "json": spellings such as .markdown are mapped
};

struct WalkOptions {
  std::string key_prefix;
  bool once_per_page = false;  // of a.html, a.md, a.rst and a.txt in one folder take the first only
};

/// What was found below the paths given. Everything that is not taken is accounted for.
struct FileList {
  std::vector<SourceFile> files;                               // in the order of the paths given, then by name
  std::map<std::string, size_t> skipped_types;                 // by extension (".png", "no extension")
  std::vector<std::pair<std::string, std::string>> same_page;  // path, and the path taken instead
  std::vector<std::pair<std::string, std::string>> failed;     // path, and why it cannot be read
};

/// Files are taken as named, folders recursively without hidden entries; folders behind symlinks are followed, each
/// folder read once. The key is the path as given, normalised, with forward slashes; of an absolute path, or one that
/// climbs out with `..`, from its last folder on. kInvalidArgument when one of `paths` is not there.
base::Result<FileList> FindFiles(const std::vector<std::string>& paths, const WalkOptions& options);

}  // namespace millrace::cli
