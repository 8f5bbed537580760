"""make_reference.py MODELDIR > reference.json: token ids and vectors of some texts as sentence-transformers sees them.

MODELDIR holds the published all-MiniLM-L6-v2 (safetensors). Needs sentence-transformers. Only run again to add texts.
"""
import json
import sys

from sentence_transformers import SentenceTransformer

TEXTS = [
    "This is an example sentence",
    "Kafka keeps records in partitions; a consumer group commits the offset up to which it has read them.",
    "Größere Äpfel fallen früher vom Baum, sagt die Müllerin.",
    "Быстрая коричневая лиса перепрыгивает через ленивую собаку.",
    "機械学習の埋め込みは、文章の意味を数値で表します。",
    "人工智能正在改变我们搜索信息的方式。",
    "تُستخدم قواعد البيانات لتخزين المعلومات واسترجاعها.",
    "डेटाबेस में दस्तावेज़ों को खोजना आसान है।",
    "Ένα σύντομο κείμενο στα ελληνικά.",
    "for (int i = 0; i < n; ++i) sum += a[i] * b[i]; // dot product",
    "",
    "🚀 naïve café — it’s 100% “ready”…",
    " ".join(f"Sentence number {i} of a long text says that item {i * 37 % 101} was shipped." for i in range(40)),
]


def main(model_directory):
    model = SentenceTransformer(model_directory, device="cpu")
    model.max_seq_length = 256
    entries = []
    for text in TEXTS:
        vector = model.encode(text, normalize_embeddings=True)
        ids = model.tokenizer(text, truncation=True, max_length=256)["input_ids"]
        entries.append({"text": text, "ids": ids, "vector": [round(float(x), 6) for x in vector]})
    print("[\n" + ",\n".join(json.dumps(e, ensure_ascii=False, separators=(",", ":")) for e in entries) + "\n]")


main(*sys.argv[1:])
