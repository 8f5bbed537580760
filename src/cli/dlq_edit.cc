#include <fmt/core.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>

#include "base/utf8.h"
#include "cli/api.h"
#include "cli/command.h"
#include "cli/exit_code.h"

namespace millrace::cli {
namespace json = boost::json;
namespace {

base::Result<std::string> ReadAll(const std::string& path) {
  std::ifstream file;
  if (path != "-") file.open(path, std::ios::binary);
  std::istream& in = path == "-" ? std::cin : file;
  if (!in) return base::Error{base::Code::kInvalidArgument, fmt::format("{} cannot be read", path), {}};
  std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (!base::IsValidUtf8(text)) {
    return base::Error{base::Code::kInvalidArgument, fmt::format("{} is not UTF-8", path), {}};
  }
  return text;
}

/// A file of the user's own that goes with it.
class TemporaryFile {
 public:
  static base::Result<std::unique_ptr<TemporaryFile>> Create(const std::string& text) {
    std::string name = (std::filesystem::temp_directory_path() / "millrace-XXXXXX.json").string();
    const int file = mkstemps(name.data(), 5);
    if (file < 0) {
      return base::Error{base::Code::kUnavailable, fmt::format("{}: {}", name, std::strerror(errno)), {}};
    }
    close(file);
    auto made = std::unique_ptr<TemporaryFile>(new TemporaryFile(std::move(name)));
    if (!(std::ofstream(made->name_, std::ios::binary) << text)) {
      return base::Error{base::Code::kUnavailable, made->name_ + " cannot be written", {}};
    }
    return made;
  }
  ~TemporaryFile() {
    std::error_code ignored;  // it stays in the directory of temporary files
    std::filesystem::remove(name_, ignored);
  }
  const std::string& name() const { return name_; }

 private:
  explicit TemporaryFile(std::string name) : name_(std::move(name)) {}
  const std::string name_;
};

/// As `$VISUAL`, `$EDITOR` or vi leaves it.
base::Result<std::string> EditInEditor(const std::string& text) {
  const char* editor = std::getenv("VISUAL");
  if (editor == nullptr || *editor == '\0') editor = std::getenv("EDITOR");
  if (editor == nullptr || *editor == '\0') {
    if (isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0) {
      return base::Error{
          base::Code::kInvalidArgument, "no terminal to edit in: give the new value with --value-file", {}};
    }
    editor = "vi";
  }
  ASSIGN_OR_RETURN(const auto file, TemporaryFile::Create(text));
  const int status = std::system(fmt::format("{} '{}'", editor, file->name()).c_str());
  if (status == -1 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return base::Error{base::Code::kUnavailable, fmt::format("{} failed, nothing was sent", editor), {}};
  }
  return ReadAll(file->name());
}

int Edit(int64_t id, const std::string& value_file, const Context& context) {
  HttpClient client(context.connection);
  const auto letter = Call(client, {"GET", fmt::format("/v1/dead-letters/{}", id)});
  if (!letter) return Report(letter.error());
  const json::object& message = ObjectAt(letter->get_object(), "message");
  const std::string before = TextAt(message, "value");
  if (value_file.empty() && !TextAt(message, "encoding").empty()) {
    Complain("millrace dlq edit: its value is not text: give the new one with --value-file");
    return kFailed;
  }
  const auto after = value_file.empty() ? EditInEditor(before) : ReadAll(value_file);
  if (!after) return Report(after.error());
  if (value_file.empty() && *after == before) {
    Complain("nothing was changed, so nothing was sent");
    return kOk;
  }
  const std::string body = json::serialize(json::object{{"value", *after}});
  const auto answer = Call(client, {"POST", fmt::format("/v1/dead-letters/{}/redrive", id), "application/json", body});
  if (!answer) return Report(answer.error());
  Print(context.output == OutputFormat::kTable ? fmt::format("redriven {}\n", id) : FormatJson(*answer) + "\n");
  return kOk;
}

CommandBody Declare(CLI::App& app) {
  auto id = std::make_shared<int64_t>(0);
  auto file = std::make_shared<std::string>();
  app.add_option("ID", *id, "The dead letter's id")->required()->check(CLI::PositiveNumber);
  app.add_option("--value-file", *file, "The new value; - is stdin. Without it, $EDITOR opens the old one")
      ->type_name("FILE");
  return [id, file](const Context& context) { return Edit(*id, *file, context); };
}

}  // namespace

Command DlqEditCommand() {
  return {"dlq edit", "Send a dead letter again with another value, as a new version of its document",
          "  millrace dlq edit 7\n  jq '.content = \"repaired\"' value.json | millrace dlq edit 7 --value-file -\n",
          Declare};
}

}  // namespace millrace::cli
