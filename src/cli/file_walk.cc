#include "cli/file_walk.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <set>
#include <unordered_map>

#include "base/utf8.h"

namespace millrace::cli {
namespace fs = std::filesystem;
namespace {

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

std::string TypeOf(const std::string& extension) {
  if (extension == ".md" || extension == ".markdown") return "md";
  if (extension == ".html" || extension == ".htm") return "html";
  if (extension == ".txt" || extension == ".rst" || extension == ".json") return extension.substr(1);
  return {};
}

/// What stands before the part of the key that comes from below `given`: see FindFiles.
fs::path KeyBase(const fs::path& given, bool is_folder) {
  fs::path path = given.lexically_normal();
  if (!path.has_filename()) path = path.parent_path();  // a slash at the end
  const bool climbs = !path.empty() && *path.begin() == "..";
  if (path.is_absolute() || climbs) {
    std::error_code error;
    fs::path absolute = fs::absolute(path, error).lexically_normal();
    if (!absolute.has_filename()) absolute = absolute.parent_path();
    return is_folder ? absolute.filename() : absolute.parent_path().filename() / absolute.filename();
  }
  return path == "." ? fs::path() : path;
}

class Walk {
 public:
  explicit Walk(const WalkOptions& options) : options_(options) {}

  base::Status Add(const std::string& given) {
    std::error_code error;
    const fs::file_status status = fs::status(given, error);
    if (fs::is_directory(status)) {
      AddFolder(given);
    } else if (fs::is_regular_file(status)) {
      AddFile(given, KeyBase(given, false).generic_string());
    } else {
      const std::string reason = error && error != std::errc::no_such_file_or_directory ? error.message()
                                 : fs::exists(status)                                   ? "neither a file nor a folder"
                                                                                        : "no such file or folder";
      return base::Error{base::Code::kInvalidArgument, fmt::format("{}: {}", given, reason), {}};
    }
    return {};
  }

  FileList Take() && {
    if (options_.once_per_page) KeepOnePerPage();
    return std::move(list_);
  }

 private:
  struct Folder {
    fs::path path;
    fs::path key;
  };

  void AddFolder(const fs::path& given) {
    std::vector<Folder> open{{given, KeyBase(given, true)}};
    std::vector<Folder> linked;  // after the real ones, so that a folder keeps the key of its real place
    while (!open.empty() || !linked.empty()) {
      auto& next = open.empty() ? linked : open;
      const Folder folder = std::move(next.back());
      next.pop_back();
      if (EnterOnce(folder.path)) ReadFolder(folder, &open, &linked);
    }
  }

  bool EnterOnce(const fs::path& folder) {
    struct stat info {};
    if (stat(folder.c_str(), &info) != 0) return true;  // reading it will say why
    return entered_.emplace(info.st_dev, info.st_ino).second;
  }

  void ReadFolder(const Folder& folder, std::vector<Folder>* open, std::vector<Folder>* linked) {
    std::error_code error;
    std::vector<fs::directory_entry> entries;
    for (fs::directory_iterator it(folder.path, error), end; !error && it != end; it.increment(error)) {
      if (!it->path().filename().native().starts_with('.')) entries.push_back(*it);
    }
    if (error) list_.failed.emplace_back(folder.path.string(), error.message());
    std::sort(entries.begin(), entries.end());
    std::vector<Folder> folders;
    for (const auto& entry : entries) {
      const fs::path key = folder.key / entry.path().filename();
      std::error_code ignored;  // a dangling link is neither
      if (entry.is_directory(ignored)) {
        (entry.is_symlink(ignored) ? *linked : folders).push_back({entry.path(), key});
      } else if (entry.is_regular_file(ignored)) {
        AddFile(entry.path(), key.generic_string());
      }
    }
    std::move(folders.rbegin(), folders.rend(), std::back_inserter(*open));
  }

  void AddFile(const fs::path& path, const std::string& key_path) {
    const std::string extension = Lower(path.extension().string());
    std::string type = TypeOf(extension);
    if (type.empty()) {
      ++list_.skipped_types[extension.empty() ? "no extension" : extension];
      return;
    }
    if (!base::IsValidUtf8(key_path)) {
      list_.failed.emplace_back(path.string(), "its name is not UTF-8");
      return;
    }
    const auto [known, added] = by_key_.emplace(options_.key_prefix + key_path, path);
    if (added) {
      list_.files.push_back({path, known->first, std::move(type)});
      return;
    }
    std::error_code error;
    if (fs::equivalent(known->second, path, error)) return;  // named twice
    list_.failed.emplace_back(path.string(), fmt::format("its key {} belongs to {} already: ingest one of them with "
                                                         "--key-prefix",
                                                         known->first, known->second.string()));
  }

  void KeepOnePerPage() {
    static constexpr std::array kOrder = {"html", "md", "rst", "txt"};
    const auto rank = [](const std::string& type) { return std::find(kOrder.begin(), kOrder.end(), type); };
    const auto page = [](const SourceFile& file) { return (file.path.parent_path() / file.path.stem()).string(); };
    std::unordered_map<std::string, const SourceFile*> best;
    for (const auto& file : list_.files) {
      if (file.type == "json") continue;
      auto& chosen = best[page(file)];
      if (chosen == nullptr || rank(file.type) < rank(chosen->type)) chosen = &file;
    }
    std::vector<SourceFile> kept;
    for (const auto& file : list_.files) {
      const auto chosen = best.find(page(file));
      if (file.type == "json" || chosen->second == &file) {
        kept.push_back(file);
      } else {
        list_.same_page.emplace_back(file.path.string(), chosen->second->path.string());
      }
    }
    list_.files = std::move(kept);
  }

  const WalkOptions& options_;
  FileList list_;
  std::set<std::pair<dev_t, ino_t>> entered_;
  std::unordered_map<std::string, fs::path> by_key_;
};

}  // namespace

base::Result<FileList> FindFiles(const std::vector<std::string>& paths, const WalkOptions& options) {
  Walk walk(options);
  for (const auto& path : paths) RETURN_IF_ERROR(walk.Add(path));
  return std::move(walk).Take();
}

}  // namespace millrace::cli
