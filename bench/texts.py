"""The texts that are measured with: real ones where there are any, else made up from a list of words."""
import glob
import json
import os
import random

HERE = os.path.dirname(os.path.abspath(__file__))
SETS = os.environ.get("MILLRACE_BENCH_SETS") or os.path.normpath(os.path.join(HERE, "../../shared/data/retrieval"))
GIT_MANUAL = "/usr/share/doc/git/html"
ENOUGH = 1_200_000  # characters: a minute or two of embedding
WORDS = ("water house paper light green river music table stone market north train field night plant story doctor engine "
         "garden winter summer letter bridge animal picture harbour mountain window science history kitchen language "
         "ocean village castle captain teacher forest island journey copper silver candle shadow thunder valley").split()


def read_jsonl(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def real_documents():
    """What they are, and the documents: abstracts of MEDLINE, else pages of git's manual, else made-up texts."""
    medline = os.path.join(SETS, "medline/corpus.jsonl")
    if os.path.exists(medline):
        return "abstracts of MEDLINE", [{"title": row["title"] or f"Abstract {row['_id']}", "content": row["text"]}
                                        for row in read_jsonl(medline)]
    pages = sorted(glob.glob(os.path.join(GIT_MANUAL, "**/*.txt"), recursive=True))
    if pages:
        documents, size = [], 0
        for page in pages:
            with open(page, encoding="utf-8", errors="replace") as text:
                documents.append({"title": os.path.basename(page), "content": text.read()})
            size += len(documents[-1]["content"])
            if size > ENOUGH:
                break
        return "pages of git's manual", [document for document in documents if document["content"].strip()]
    return "made-up texts", [made_up(number, 3 + number % 20) for number in range(1000)]


def real_paragraphs():
    """What they are, and the paragraphs of these documents in an order that does not sort them by length."""
    what, documents = real_documents()
    paragraphs = [part for document in documents for part in document["content"].split("\n\n") if len(part) > 40]
    random.Random("paragraphs").shuffle(paragraphs)
    return what, paragraphs


def sentence(chance):
    return " ".join(chance.choices(WORDS, k=chance.randint(4, 7))).capitalize() + "."


def made_up(number, sentences):
    """Always the same document for the same number."""
    chance = random.Random(number)
    return {"title": f"Document {number}", "content": " ".join(sentence(chance) for _ in range(sentences)),
            "chunking": {"strategy": "sentence"}}


def questions(count):
    chance = random.Random("questions")
    return [sentence(chance) for _ in range(count)]
