#!/usr/bin/env python3
"""The calls of the HTTP contract that the benchmark makes, the naive way.

  service.py PORT

POST /documents?async_mode=true adds the row and sends the message. POST /search takes the chunks from MySQL and asks Redis for the vector of
each, one after another, then computes one similarity after another.
"""
import datetime
import http.server
import json
import sys
import threading

import kafka
import numpy

import stores


class Service:
    def __init__(self):
        self.own = threading.local()  # connections are not for several threads
        stores.open_database().close()
        self.cache, self.model = stores.open_redis(), stores.load_model()
        self.producer = kafka.KafkaProducer(bootstrap_servers=stores.BROKERS, acks="all",
                                            value_serializer=lambda value: json.dumps(value).encode(), key_serializer=str.encode)

    def database(self):
        if not hasattr(self.own, "database"):
            self.own.database = stores.open_database()
        return self.own.database

    def add(self, request):
        database = self.database()
        with database.cursor() as cursor:
            cursor.execute("INSERT INTO documents (title, content) VALUES (%s, %s)", (request["title"], request["content"]))
            document_id = cursor.lastrowid
        database.commit()
        self.producer.send(stores.UPLOADS, key=f"doc_{document_id}", value={
            "document_id": document_id, "title": request["title"], "content": request["content"], "status": "pending",
            "created_at": datetime.datetime.now().isoformat()}).get(10)
        return {"status": "accepted", "document_id": document_id, "message": "Document queued for async processing",
                "processing_mode": "async"}

    def search(self, request):
        question = self.model.encode(request["question"], show_progress_bar=False)
        database = self.database()
        with database.cursor() as cursor:
            cursor.execute("SELECT e.id, e.chunk_text, e.redis_key, d.title FROM embeddings e JOIN documents d ON d.id = e.document_id")
            rows = cursor.fetchall()
        database.rollback()  # the next search is to see what came meanwhile
        results = []
        for chunk_id, text, key, title in rows:
            data = self.cache.get(key)
            if data is None:
                continue
            similarity = float(numpy.dot(question, numpy.frombuffer(data, numpy.float32)))  # unit vectors
            results.append({"chunk_id": chunk_id, "text": text, "document_title": title, "similarity": similarity})
        results.sort(key=lambda result: result["similarity"], reverse=True)
        return {"query": request["question"], "results": results[:request.get("top_k", 3)]}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        self.answer(200, {"message": "ready"})

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/documents?async_mode=true":
            self.answer(200, self.server.service.add(request))
        elif self.path == "/search":
            self.answer(200, self.server.service.search(request))
        else:
            self.answer(404, {"detail": "unknown"})

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler, bind_and_activate=False)
    server.service = Service()
    server.server_bind()
    server.server_activate()
    server.serve_forever()


main()
