"""A schema registry with the part of Confluent's API that Millrace asks for: a stand-in that can go away and come back."""

import http.server
import json
import threading

from serving import free_port


def framed(number, value=b""):
    """`value` after the five bytes that name schema `number`; without one, what the header holds."""
    return b"\0" + number.to_bytes(4, "big") + value


class Registry:
    def __init__(self):
        self.schemas = {}  # by id: {"schemaType", "schema"}
        self.subjects = {}  # by name: ids
        self.asked = []  # (method, path)
        self.refuse = None  # an answer (status, body) to every registration
        self.lock = threading.Lock()
        self.port = free_port()  # while it is stopped, an outgoing connection may take a port that the kernel chose
        self.server = None
        self.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/apis/ccompat/v7"

    def start(self):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self, status, body):
                text = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def do_GET(self):
                self.answer(*outer.get(self.path))

            def do_POST(self):
                self.answer(*outer.post(self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"])))))

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            allow_reuse_address = True
            daemon_threads = True

        self.server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def add(self, subject, schema, kind="JSON"):
        with self.lock:
            for number in self.subjects.get(subject, []):
                if self.schemas[number]["schema"] == schema:
                    return number
            number = 10 + len(self.schemas)
            self.schemas[number] = {"schemaType": kind, "schema": schema}
            self.subjects.setdefault(subject, []).append(number)
            return number

    def get(self, path):
        self.asked.append(("GET", path))
        path = path.removeprefix("/apis/ccompat/v7")
        if path == "/config":
            return 200, {"compatibilityLevel": "BACKWARD"}
        number = path.removeprefix("/schemas/ids/")
        if number.isdigit() and int(number) in self.schemas:
            schema = self.schemas[int(number)]
            return 200, schema if schema["schemaType"] != "AVRO" else {"schema": schema["schema"]}
        return 404, {"error_code": 40403, "message": "Schema not found"}

    def post(self, path, body):
        self.asked.append(("POST", path))
        if self.refuse:
            return self.refuse
        subject = path.removeprefix("/apis/ccompat/v7/subjects/").removesuffix("/versions")
        return 200, {"id": self.add(subject, body["schema"], body.get("schemaType", "AVRO"))}
