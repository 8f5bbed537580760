#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "main/config.h"

namespace millrace::app {

/// Reads text into a member; what was expected when the text does not fit.
using Setter = std::function<std::optional<std::string>(Config&, const std::string&)>;
using Getter = std::function<std::string(const Config&)>;

struct Setting {
  std::string name;  // snake_case: the TOML key; `--snake-case`; MILLRACE_SNAKE_CASE
  std::string help;
  Setter set;
  Getter get;
  bool is_switch = false;
  bool is_secret = false;     // never shown
  std::string variable = {};  // the contract's name of it in the environment, beside MILLRACE_NAME
  enum class Of { kBoth, kServe, kWorker } of = Of::kBoth;

  bool Concerns(Command command) const { return of == Of::kBoth || (of == Of::kServe) == (command == Command::kServe); }
};

const std::vector<Setting>& Settings();

/// The parts of a setting that is a list, without the white space around them; empty ones are left out.
std::vector<std::string> SplitAtCommas(const std::string& text);

}  // namespace millrace::app
