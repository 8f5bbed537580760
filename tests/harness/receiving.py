"""A receiver of webhooks that answers as it is told, and remembers what it took."""

import hashlib
import hmac
import http.server
import json
import threading
import time

from serving import free_port


class Receiver:
    def __init__(self, secret="", port=None):
        self.secret = secret
        self.accepted, self.requests = [], []  # as {"event", "id", "headers"}
        self.answer = lambda event: 200
        self.lock = threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = outer.take(dict(self.headers), body)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                if 300 <= status < 400:
                    self.send_header("Location", outer.url + "/elsewhere")
                self.end_headers()

            def log_message(self, *_):
                pass

        # Not one that the kernel chooses: while the receiver is away, an outgoing connection may take such a port, even one to it.
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port or free_port()), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hooks"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def take(self, headers, body):
        event = json.loads(body)
        entry = {"event": event, "id": headers["Millrace-Event-Id"], "headers": headers}
        signed = headers["Millrace-Timestamp"].encode() + b"." + body
        expected = "v1=" + hmac.new(self.secret.encode(), signed, hashlib.sha256).hexdigest()
        with self.lock:
            self.requests.append(entry)
            if headers.get("Millrace-Signature") != (expected if self.secret else None):
                return 401
            if abs(time.time() - int(headers["Millrace-Timestamp"])) > 300:
                return 401
            status = self.answer(event)
            if 200 <= status < 300:
                self.accepted.append(entry)
            return status

    def of(self, document_id):
        """`status version` of a document's events in the order in which they came, each once."""
        seen = {}
        with self.lock:
            for entry in self.accepted:
                if entry["event"]["document_id"] == document_id:
                    seen.setdefault(entry["id"], f"{entry['event']['status']} {entry['event']['version']}")
        return list(seen.values())
