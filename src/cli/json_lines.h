#pragma once

#include <istream>
#include <string>
#include <string_view>

#include "cli/page.h"

namespace millrace::cli {

/// What a JSON document gets where it says nothing itself.
struct JsonDefaults {
  std::string name;           // of the file, for messages
  std::string key;            // empty: none; the nth object of several gets "key#n"
  std::string metadata_json;  // empty: none
  std::string chunking;       // empty: the server's default
};

/// The text of a .json file: an object, an array of objects, or an object per line, each with a string `content`.
void ReadJsonText(std::string_view text, const JsonDefaults& defaults, const DocumentSink& sink);

/// An object per line, from a stream of any length; lines beyond 16 MiB fail. `keep_on` is asked before each line.
void ReadJsonStream(std::istream& stream, const JsonDefaults& defaults, const DocumentSink& sink,
                    const std::function<bool()>& keep_on);

}  // namespace millrace::cli
