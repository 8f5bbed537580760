#pragma once

#include <string>

namespace millrace::redis {

/// A Lua script and the SHA-1 by which the server knows it.
struct Script {
  explicit Script(std::string text);

  const std::string text;
  const std::string sha;
};

/// How many keys one run of a script removes at most, and a document's part holds: the server does nothing else
/// meanwhile.
inline constexpr int kKeysAtOnce = 256;

/// Each document has a marker, `millrace:doc<id>`, beside the contract's keys: store, version, revision, state, how
/// many chunks are written, below which index keys may exist. States: `w` being written, `c` complete, `d` deleted.

/// KEYS: the marker. ARGV: key prefix, store, version, revision, chunks of the document, index of the first chunk here,
/// then the vectors. Answers a PutAnswer.
const Script& PutScript();
enum PutAnswer {
  kIgnored = 0,   // something newer is there
  kComplete = 1,  // the document is there, and nothing else of it
  kPartial = 2,   // go on with the next part; without one, surplus keys are left: once more
  kLost = 3,      // an earlier part is gone: someone emptied the server meanwhile
};

/// KEYS: the marker. ARGV: key prefix, store, version, seconds to remember it. Answers how many keys went and whether
/// (1) some are left.
const Script& RemoveScript();

/// KEYS: the marker. ARGV: key prefix. Answers how many keys there are.
const Script& CountScript();

/// KEYS: markers. ARGV: store, then for each marker the key prefix of its document. Answers version and revision of
/// each, 0 and 0 of what is not complete here.
const Script& VersionsScript();

}  // namespace millrace::redis
