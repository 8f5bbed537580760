"""What the container image is built from. Building it takes containers and is a stage of its own (tests/compose)."""
import pathlib
import shutil
import subprocess

ROOT = pathlib.Path(__file__).parents[2]


def test_the_build_is_configured_from_what_the_image_gets(tmp_path):
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*", "the image gets what is named, and nothing else"
    for rule in rules[1:]:
        if not rule.startswith("!"):
            continue
        source, target = ROOT / rule[1:], tmp_path / rule[1:]
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("node_modules"))
        else:
            shutil.copy(source, target)
    configured = subprocess.run(["cmake", "--preset", "release"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600)
    assert configured.returncode == 0, configured.stdout
