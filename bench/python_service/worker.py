#!/usr/bin/env python3
"""Reads document-uploads; cuts and embeds each document; its vectors go to Redis, its chunks to MySQL.

  worker.py [--batch]

The model gets one chunk after another; with --batch all chunks of a document at once.
"""
import json
import signal
import sys

import kafka
import numpy

import stores


def embed(model, chunks, batch):
    if batch:
        return model.encode(chunks, batch_size=32, show_progress_bar=False)
    return [model.encode(chunk, show_progress_bar=False) for chunk in chunks]


def process(document, chunks, vectors, database, cache):
    with database.cursor() as cursor:
        for index, (chunk, vector) in enumerate(zip(chunks, vectors)):
            key = stores.vector_key(document, index)
            cache.set(key, numpy.asarray(vector, numpy.float32).tobytes())
            cursor.execute("INSERT INTO embeddings (document_id, chunk_text, chunk_index, redis_key) VALUES (%s, %s, %s, %s)",
                           (document, chunk, index, key))
    database.commit()


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    batch = "--batch" in sys.argv[1:]
    database, cache, model = stores.open_database(), stores.open_redis(), stores.load_model()
    consumer = kafka.KafkaConsumer(stores.UPLOADS, bootstrap_servers=stores.BROKERS, group_id=stores.GROUP,
                                   auto_offset_reset="earliest", max_poll_records=10)
    ready = False
    try:
        while True:
            polled = consumer.poll(timeout_ms=1000)
            if not ready and consumer.assignment():
                print("ready", flush=True)
                ready = True
            for record in (record for records in polled.values() for record in records):
                message = json.loads(record.value)
                chunks = stores.split(message["content"])
                process(message["document_id"], chunks, embed(model, chunks, batch), database, cache)
    finally:
        consumer.close()  # commits, and leaves the group at once


main()
