#!/usr/bin/env python3
"""Checks that every include goes the way the house allows (docs/ARCHITECTURE.md) and that vendor headers stay in their rooms.

    check_layers.py [SOURCE_DIR]      exit 1 and one line per wrong include
    check_layers.py --self-test       proves that a wrong include is found
"""
import pathlib
import re
import sys
import tempfile

# room -> rooms it may include. A room is a folder of src/, or of src/adapters/.
ALLOWED = {
    "base": set(),
    "core": {"base"},
    "embed": {"base", "core"},
    "ingest": {"base", "core"},
    "search": {"base", "core"},
    "admin": {"base", "core"},
    "index": {"base", "core"},
    "adapters/sql": {"base", "core"},
    "adapters/sqlite": {"base", "core", "adapters/sql"},
    "adapters/memory": {"base", "core"},
    "adapters/onnx": {"base", "core"},
    "adapters/redis": {"base", "core"},
    "adapters/mysql": {"base", "core", "adapters/sql"},
    "adapters/kafka": {"base", "core"},
    "adapters/curl": {"base", "core"},
    "http": {"base", "core", "ingest", "search", "admin"},
    "cli": {"base"},
    "main": {"base", "core", "embed", "ingest", "search", "admin", "index", "http", "cli", "adapters/sqlite",
             "adapters/memory", "adapters/onnx", "adapters/mysql", "adapters/kafka", "adapters/redis", "adapters/curl"},
}

# First path component or name of a vendor header -> rooms where it may stand. `headers` = also in .h files.
VENDORS = {
    r"sqlite3\.h": {"adapters/sqlite"},
    r"(mysql|errmsg|mysqld_error)\.h": {"adapters/mysql"},
    r"librdkafka/.*": {"adapters/kafka"},
    r"boost/(asio|beast).*": {"http"},
    r"boost/json.*": {"core", "ingest", "search", "http", "cli", "main", "adapters/curl"},
    r"curl/.*": {"cli", "adapters/curl"},
    r"gumbo\.h": {"cli"},
    r"unicode/.*": {"core"},
    r"hiredis(_ssl)?\.h": {"adapters/redis"},
    r"openssl/.*": {"core", "http", "adapters/redis", "adapters/sqlite"},
    r"CLI/.*": {"cli", "main"},
    r"toml\+\+/.*": {"main"},
    r"spdlog/.*": {"base"},
    r"prometheus/.*": {"base"},
    r"(immintrin|x86intrin|hwy/.*)\.?h?": {"index"},
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def room_of(parts):
    if parts[0] == "adapters" and len(parts) > 2:
        return "/".join(parts[:2])
    return parts[0]


def check(source: pathlib.Path):
    problems = []
    for path in sorted(source.rglob("*")):
        if path.suffix not in (".h", ".cc"):
            continue
        relative = path.relative_to(source)
        room = room_of(relative.parts)
        if room not in ALLOWED:
            problems.append(f"{relative}: the room {room} is not in the plan of the house")
            continue
        for quote, name in INCLUDE.findall(path.read_text(encoding="utf-8")):
            if quote == '"':
                target = room_of(pathlib.PurePosixPath(name).parts)
                if not (source / name).exists() and not (source / (name + ".in")).exists():
                    problems.append(f"{relative}: includes {name}, which is not a path below src/")
                elif target != room and target not in ALLOWED[room]:
                    problems.append(f"{relative}: {room} may not include {name}")
                continue
            for vendor, rooms in VENDORS.items():
                if not re.fullmatch(vendor, name):
                    continue
                if room not in rooms:
                    problems.append(f"{relative}: {room} may not include <{name}>")
                elif path.suffix == ".h" and room in ("core", "ingest", "search", "main"):
                    problems.append(f"{relative}: <{name}> belongs in a .cc file")
    return problems


def self_test():
    with tempfile.TemporaryDirectory() as directory:
        source = pathlib.Path(directory)
        for name, text in {
            "base/a.h": "#pragma once\n",
            "core/b.h": '#include "base/a.h"\n',
            "core/bad_direction.cc": '#include "http/c.h"\n',
            "core/bad_vendor.cc": "#include <sqlite3.h>\n",
            "core/bad_header.h": "#include <boost/json.hpp>\n",
            "adapters/sqlite/bad_neighbour.cc": '#include "adapters/memory/d.h"\n',
            "adapters/memory/d.h": '#include "core/b.h"\n',
            "http/c.h": '#include "core/b.h"\n',
            "misc/e.h": "\n",
        }.items():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_text(text)
        found = {problem.split(":")[0] for problem in check(source)}
    wanted = {"core/bad_direction.cc", "core/bad_vendor.cc", "core/bad_header.h", "adapters/sqlite/bad_neighbour.cc", "misc/e.h"}
    assert found == wanted, found ^ wanted


if __name__ == "__main__":
    self_test()
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(0)
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[2] / "src")
    wrong = check(root)
    print("\n".join(wrong) if wrong else "layers: every include goes the allowed way")
    sys.exit(1 if wrong else 0)
