"""Virtual environments in the cache, with packages that are pinned by hash."""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
CACHE = os.environ.get("MILLRACE_CACHE") or os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "millrace")


def python_with(name, *requirements):
    """The interpreter of the environment `name` with the packages of these files of bench/, which are installed where they are not."""
    home = os.path.join(CACHE, "venv", name)
    python = os.path.join(home, "bin", "python")
    if not os.path.exists(python):
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
    for file in requirements:
        path, stamp = os.path.join(HERE, file), os.path.join(home, "installed-" + os.path.basename(file))
        with open(path) as read:
            wanted = read.read()
        if os.path.exists(stamp) and open(stamp).read() == wanted:
            continue
        print(f"    installing the packages of bench/{file}", file=sys.stderr, flush=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--requirement", path],
                       check=True)
        with open(stamp, "w") as write:
            write.write(wanted)
    return python
