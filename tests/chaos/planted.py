"""Plants each bug of bugs/ in a copy of the sources, builds it, and sees a short run catch it: a run that cannot fail proves nothing.

The head of a patch says which rule it breaks, how it is run and which anomalies it must cause (any of them)."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

from serving import ROOT

BUGS = pathlib.Path(__file__).parent / "bugs"
SOURCE = ROOT / "build" / "planted" / "source"
PARTS = ("src", "cmake", "third_party", "schemas", "scripts", "web", "CMakeLists.txt", "CMakePresets.json")  # what a build reads


def command(*arguments, **options):
    done = subprocess.run(list(map(str, arguments)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, arguments))}: exit {done.returncode}\n{done.stdout[-4000:]}")
    return done.stdout


def head_of(patch):
    return dict(re.findall(r"^(Rule|Bug|Run|Expect): (.*)$", patch.read_text(), re.M))


def copy_sources():
    """What did not change keeps its time, so that the build is one of what did."""
    files = command("git", "-C", ROOT, "ls-files", "-z", *PARTS).split("\0")
    for name in filter(None, files):
        source, target = ROOT / name, SOURCE / name
        if not target.exists() or target.read_bytes() != source.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)


def build(folder):
    command("cmake", "--preset", "release", "-S", SOURCE, cwd=SOURCE)
    command("cmake", "--build", SOURCE / "build" / "release", "--target", "millrace", cwd=SOURCE)
    folder.mkdir(parents=True, exist_ok=True)
    return shutil.copy(SOURCE / "build" / "release" / "millrace", folder / "millrace")


def plant(patch):
    """Whether the bug was caught, and what was said."""
    head, folder = head_of(patch), ROOT / "build" / "planted" / patch.stem
    copy_sources()
    command("patch", "-p1", "--batch", "--forward", "-d", SOURCE, "-i", patch)
    binary = build(folder)
    done = subprocess.run([sys.executable, pathlib.Path(__file__).parent / "run.py", "--folder", folder / "run", "--report", folder / "report.json", *head["Run"].split()],
                          env=os.environ | {"MILLRACE_BINARY": str(binary)}, capture_output=True, text=True)
    if done.returncode != 1 or not (folder / "report.json").exists():
        return False, f"the run ended with {done.returncode}\n{done.stdout[-1500:]}{done.stderr[-1500:]}"
    kinds = {anomaly["kind"] for anomaly in json.loads((folder / "report.json").read_text())["anomalies"]}
    wanted = set(head["Expect"].split(","))
    return bool(kinds & wanted), f"caught as {', '.join(sorted(kinds))}" if kinds & wanted else f"expected {head['Expect']}, it showed as {sorted(kinds)}"


def run_all(only=None):
    missed = 0
    for patch in sorted(BUGS.glob("*.patch")):
        if only and patch.stem not in only:
            continue
        (ROOT / "build" / "planted" / patch.stem / "report.json").unlink(missing_ok=True)
        caught, said = plant(patch)
        missed += not caught
        print(f"{'caught' if caught else 'MISSED'}  {patch.stem}: {said}", flush=True)
    copy_sources()
    return 1 if missed else 0
