// Writes the built files as C++: node embed.js FOLDER OUT.cc
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { extname, join, relative, sep } from "node:path";
import { gzipSync } from "node:zlib";

const types = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

function files(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => (entry.isDirectory() ? files(join(folder, entry.name)) : [join(folder, entry.name)]))
    .sort();
}

// Octal escapes are three digits long, so that no following character joins them.
function literal(bytes) {
  let lines = "";
  for (let i = 0; i < bytes.length; i += 40) {
    let line = "";
    for (const byte of bytes.subarray(i, i + 40)) {
      const plain = byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c && byte !== 0x3f;
      line += plain ? String.fromCharCode(byte) : "\\" + byte.toString(8).padStart(3, "0");
    }
    lines += `\n    "${line}"`;
  }
  return lines;
}

const [folder, out] = process.argv.slice(2);
const entries = files(folder).map((path) => {
  const content = readFileSync(path);
  const type = types[extname(path)];
  if (!type) throw new Error(`${path}: a file of a kind that is not served`);
  const gzip = gzipSync(content, { level: 9 });
  const name = relative(folder, path).split(sep).join("/");
  const digest = createHash("sha256").update(content).digest("hex").slice(0, 20);
  return `    {"${name}", "${type}", std::string_view(${literal(gzip)}, ${gzip.length}), ${content.length}, "${digest}"},\n`;
});
writeFileSync(
  out,
  `#include "http/console_files.h"

namespace millrace::http {
namespace {

constexpr ConsoleFile kFiles[] = {
${entries.join("")}};

}  // namespace

std::span<const ConsoleFile> ConsoleFiles() { return kFiles; }

}  // namespace millrace::http
`,
);
