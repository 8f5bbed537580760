import contextlib
import http.client
import json
import socket
import threading

from serving import PATIENCE, wait_until


class Watcher:
    """Reads an event stream in a thread of its own until it ends."""

    def __init__(self, server, query=""):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        self.connection.request("GET", "/v1/events" + query)
        self.socket = self.connection.sock
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200
        assert self.answer.headers["Content-Type"] == "text/event-stream"
        self.events, self.ended = [], False
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()
        wait_until(lambda: self.events, "the first event")

    def read(self):
        event = {}
        with contextlib.suppress(OSError, http.client.HTTPException):
            while line := self.answer.readline().decode():
                name, _, value = line.rstrip("\n").partition(": ")
                if name:
                    event[name] = value
                elif event:
                    self.events.append(event)
                    event = {}
        self.ended = True

    def of(self, document_id):
        """(status, version) of each event of a document, in order."""
        found = [json.loads(event["data"]) for event in list(self.events) if event["event"].startswith("document.")]
        return [(data["status"], data["version"]) for data in found if data["document_id"] == document_id]

    def wait_for(self, document_id, status, version=1):
        wait_until(lambda: (status, version) in self.of(document_id), f"event {status} of {document_id}")

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join(PATIENCE)
        self.connection.close()
