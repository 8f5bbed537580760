"""What clients, disks and files do wrong: each gets a clear answer, and the server lives or refuses to start in one line."""

import json
import os
import pathlib
import re
import socket
import threading
import time

import pytest
import requests

from disks import Disk
from serving import BINARY, PATIENCE, expect_problem, wait_until
from texts import text


@pytest.fixture(autouse=True, scope="module")
def lives(server):
    """After everything in this file the shared server is the same process and answers."""
    process = server.process
    yield
    assert server.process is process and server.running()
    assert server.get("/livez") == {"status": "ok"}


def connect(server, patience=PATIENCE):
    return socket.create_connection(("127.0.0.1", server.port), timeout=patience)


def read_all(connection):
    received = b""
    try:
        while piece := connection.recv(65536):
            received += piece
    except ConnectionResetError:
        pass
    return received


def exchange(server, request):
    """Sends bytes, says that no more come, and returns all that comes back."""
    with connect(server) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return read_all(connection)


def status_of(answer):
    return int(re.match(rb"HTTP/1\.1 (\d{3}) ", answer).group(1)) if answer else None


def head(server, line, *fields):
    return "\r\n".join([line, f"Host: 127.0.0.1:{server.port}", *fields, "", ""]).encode()


def post(server, path, body, *fields):
    return head(server, f"POST {path} HTTP/1.1", "Content-Type: application/json", f"Content-Length: {len(body)}", *fields) + body


# Bodies

POSTS = ["/documents", "/documents?async_mode=true", "/search", "/v1/documents", "/v1/search"]


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("body", [b"", b" ", b"{", b'{"content":"x"', b"{'content':'x'}", b"not json", b'{"content":"x"}}', b'{"a":1,}',
                                  b'{"content":"line\nend"}', b'{"content":"\xff\xfe"}', b'{"content":"\xc0\x80"}',
                                  b'{"content":"\xed\xa0\x80"}', b'{"content":"\\ud800"}', b'{"content":"\\udc00\\ud800"}',
                                  b'{"content":"\\ud83d x"}', b'{"content":"\\x41"}', b'{"content":NaN}', b"\xef\xbb\xbf[", b"[" * 100_000,
                                  b'{"content":' * 5_000 + b"1" + b"}" * 5_000])
def test_not_json(server, path, body):
    answer = server.request("POST", path, data=body, headers={"Content-Type": "application/json"})
    expect_problem(answer, 400)


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("body", [[], 5, "text", None, True])
def test_json_that_is_no_object(server, path, body):
    expect_problem(server.request("POST", path, data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}), 422)


@pytest.mark.parametrize("path", ["/documents", "/v1/documents"])
def test_nul_is_refused(server, path):
    for member in ("title", "content"):
        body = {"title": "t", "content": "c"} | {member: "before\0after"}
        expect_problem(server.request("POST", path, json=body), 422, "/" + member)


@pytest.mark.parametrize("path", ["/documents", "/v1/documents"])
def test_title_of_ten_megabytes(server, path):
    answer = server.request("POST", path, json={"title": "t" * 10_000_000, "content": "c"})
    problem = expect_problem(answer, 422, "/title")
    assert len(answer.content) < 2000 and "title" in problem["detail"]


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml"])
def test_other_content_types(server, path, kind):
    expect_problem(server.request("POST", path, data=b'{"content":"x"}', headers={"Content-Type": kind}), 415)


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_right_content_types(server, kind):
    server.request("POST", "/search", 200, data=b'{"question":"x"}', headers={"Content-Type": kind})


def test_body_of_a_hundred_megabytes(server):
    """By its length it is refused before it is read; sent all the same, the answer still arrives."""
    with connect(server) as connection:
        connection.sendall(head(server, "POST /documents HTTP/1.1", "Content-Type: application/json", "Content-Length: 104857600"))
        received = connection.recv(65536)
        assert status_of(received) == 413
        assert b"application/problem+json" in received
        try:
            for _ in range(1600):
                connection.sendall(b"x" * 65536)
        except OSError:
            pass  # the server need not take it


def test_chunked_body_without_an_end(server):
    with connect(server) as connection:
        connection.sendall(head(server, "POST /documents HTTP/1.1", "Content-Type: application/json", "Transfer-Encoding: chunked"))
        sent = 0
        try:
            while sent < 100_000_000:
                connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
                sent += 65536
        except OSError:
            pass
        assert status_of(read_all(connection)) == 413
    assert server.metric("process_resident_memory_bytes") < 1 << 30


def test_largest_body_is_a_setting(start_server):
    server = start_server("--max-request-bytes", "2000")
    server.post("/documents", {"title": "t", "content": "x" * 1900})
    expect_problem(server.request("POST", "/documents", json={"title": "t", "content": "x" * 2000}), 413)


# Methods and paths

@pytest.mark.parametrize("method, path", [("PUT", "/documents"), ("PATCH", "/v1/documents/1"), ("POST", "/health"),
                                          ("DELETE", "/documents"),
                                          ("GET", "/search"), ("POST", "/v1/status"), ("TRACE", "/"), ("BREW", "/v1/documents")])
def test_other_methods(server, method, path):
    answer = server.request(method, path)
    expect_problem(answer, 405)
    assert method not in answer.headers["Allow"].split(", ")


@pytest.mark.parametrize("method, path", [("HEAD", "/"), ("HEAD", "/health"), ("HEAD", "/documents"), ("HEAD", "/v1/status")])
def test_head_is_get_without_a_body(server, method, path):
    answer = server.request(method, path, 200)
    assert answer.content == b"" and answer.headers["Content-Type"].startswith("application/json")


@pytest.mark.parametrize("target", [
    "/v1/documents/../../etc/passwd", "/v1/../v1/../../../etc/passwd", "/docs/../../../etc/passwd", "/docs/%2e%2e/%2e%2e/etc/passwd",
    "/docs/..%2f..%2fetc%2fpasswd", "//etc/passwd", "/v1//documents", "/v1/documents/", "/V1/documents", "/v1/documents/1/", "/nothing",
    "/v1/documents/1%2Fchunks", "/docs/app.js/", "/v1/documents/bulk/extra", "/.git/config", "/v1/documents/1;a=b", "/v1\\documents"])
def test_paths_that_are_none(server, target):
    answer = exchange(server, head(server, f"GET {target} HTTP/1.1", "Connection: close"))
    assert status_of(answer) in (404, 422)
    assert b"root:" not in answer and b"application/problem+json" in answer


@pytest.mark.parametrize("target", ["/%", "/%zz", "/%f", "/v1/documents/%00", "/v1/documents/%ff", "/?a=%zz", "*", "nothing", "/?%ff"])
def test_malformed_targets(server, target):
    answer = exchange(server, head(server, f"GET {target} HTTP/1.1", "Connection: close"))
    assert status_of(answer) == 400 and b"application/problem+json" in answer


@pytest.mark.parametrize("document_id", ["0", "-1", "9223372036854775807", "9223372036854775808", "99999999999999999999999"])
def test_ids_that_nothing_has(server, document_id):
    for method, path in [("DELETE", "/documents/"), ("GET", "/v1/documents/"), ("DELETE", "/v1/documents/")]:
        expect_problem(server.request(method, path + document_id), 404)


@pytest.mark.parametrize("document_id", ["abc", "1e3", "0x1", "1.0", "+1", "1%20", "%D9%A1", "null"])
def test_ids_that_are_none(server, document_id):
    for method, path in [("DELETE", "/documents/"), ("GET", "/v1/documents/")]:
        expect_problem(server.request(method, path + document_id), 422)


# The wire

@pytest.mark.parametrize("request_bytes, status", [
    (b"GARBAGE\r\n\r\n", 400),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200)), 400),
    (b"GET / HTTP/1.1\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: a\r\nbroken\r\n\r\n", 400),
    (b"GET / HTTP/3.0\r\nHost: a\r\n\r\n", (400, 505)),
    (b"GET /" + b"a" * 12_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 100_000 + b"\r\n\r\n", 431),
    (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 200 + b"\r\n", 431),
    (b"POST /documents HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n", 400),
    (b"POST /documents HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400),
    (b"POST /documents HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    (b"POST /documents HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\nx\r\n0\r\n\r\n", 400),
    (b"POST /documents HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", (400, 501)),
    (b"POST /documents HTTP/1.1\r\nHost: a\r\nExpect: the-unexpected\r\nContent-Length: 0\r\n\r\n", 417),
    (b"POST /documents HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 0\r\n\r\n", 415),
])
def test_malformed_requests(server, request_bytes, status):
    answer = exchange(server, request_bytes)
    assert status_of(answer) in (status if isinstance(status, tuple) else (status,)), answer[:300]
    assert b"\r\nConnection: close\r\n" in answer


def test_half_sent_requests(server):
    whole = post(server, "/documents", b'{"title":"t","content":"it is cut in two"}')[:-1]
    before = len(server.get("/documents")["documents"])
    for length in range(0, len(whole), 7):
        assert exchange(server, whole[:length]) == b""
    assert len(server.get("/documents")["documents"]) == before


def test_request_in_single_bytes(server):
    body = b'{"title":"slow","content":"Byte by byte."}'
    request = post(server, "/documents", body, "Connection: close")
    with connect(server) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request:
            connection.sendall(bytes([byte]))
        assert status_of(read_all(connection)) == 200


def test_pipelined_requests_are_answered_in_order(server):
    body = b'{"question":"pipelined"}'
    search = post(server, "/search", body)
    first, last = head(server, "GET /livez HTTP/1.1"), head(server, "GET /v1/version HTTP/1.1", "Connection: close")
    answer = exchange(server, first + search + first + search + last)
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 5
    marks = [match.group() for match in re.finditer(rb'"status":"ok"|"results":|"version":', answer)]
    assert marks == [b'"status":"ok"', b'"results":', b'"status":"ok"', b'"results":', b'"version":']


def test_http_1_0(server):
    answer = exchange(server, b"GET /documents HTTP/1.0\r\n\r\n")
    assert status_of(answer) == 200 and b"Transfer-Encoding" not in answer
    assert "documents" in json.loads(answer.split(b"\r\n\r\n", 1)[1])


def test_expect_100_continue(server):
    body = b'{"question":"x"}'
    with connect(server) as connection:
        connection.sendall(head(server, "POST /search HTTP/1.1", "Content-Type: application/json", f"Content-Length: {len(body)}",
                                "Expect: 100-continue", "Connection: close"))
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall(body)
        assert status_of(read_all(connection)) == 200


def test_clients_that_go_away(start_server):
    """What was accepted is indexed although nobody waits for the answer; what did not arrive whole is not."""
    server = start_server()
    for number in range(60):
        body = json.dumps({"title": f"left {number}", "content": text(number)}).encode()
        with connect(server) as connection:
            connection.sendall(post(server, "/documents", body))
            if number % 3 == 0:  # a reset instead of a goodbye
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    wait_until(lambda: server.metric("millrace_http_connections") <= 2, "the connections closing")
    server.wait_settled(180)  # what was accepted and left by its request comes round again after a minute
    for document in server.documents():
        assert document["status"] == "indexed"
        assert server.content(document["id"]) == text(int(document["title"].split()[1]))


def test_a_thousand_connections_at_once(server):
    connections = [connect(server) for _ in range(1000)]
    try:
        for connection in connections:
            connection.sendall(head(server, "GET /v1/version HTTP/1.1"))
        for connection in connections:
            assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
        for connection in connections[::10]:
            connection.sendall(head(server, "GET /health HTTP/1.1"))
    finally:
        for connection in connections:
            connection.close()
    wait_until(lambda: server.metric("millrace_http_connections") < 50, "the connections closing")


def test_more_connections_than_allowed(start_server):
    server = start_server("--max-connections", "20")
    # Those that asked whether it is ready are closed, which it may notice late; the one that asks here stays, and is the twentieth.
    wait_until(lambda: server.metric("millrace_http_connections") == 1, "earlier connections closing")
    connections = [connect(server) for _ in range(60)]
    answers = []
    for connection in connections:
        try:
            connection.sendall(head(server, "GET /livez HTTP/1.1"))
            answers.append(status_of(connection.recv(1000)))
        except OSError:
            answers.append(None)
    assert answers[:19] == [200] * 19 and 503 in answers and set(answers) <= {200, 503, None}
    for connection in connections:
        connection.close()
    wait_until(lambda: requests.get(server.url + "/livez", timeout=PATIENCE).status_code == 200, "room for a connection")


def test_many_posts_at_once(start_server):
    server = start_server()
    answers = []

    def send(number):
        body = {"title": str(number), "content": f"Parallel text {number}."}
        answers.append((number, server.request("POST", "/documents", json=body)))
    threads = [threading.Thread(target=send, args=(number,)) for number in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(answers) == 200
    assert {answer.status_code for _, answer in answers} <= {200, 503}
    ids = [answer.json()["document_id"] for _, answer in answers if answer.status_code == 200]
    assert len(set(ids)) == len(ids) > 0
    for number, answer in answers[::20]:
        if answer.status_code == 200:
            assert server.content(answer.json()["document_id"]) == f"Parallel text {number}."


# Disks and files

def test_full_disk(start_server, tmp_path):
    """What cannot be stored is refused; with room again, everything acknowledged is there."""
    disk = Disk(tmp_path)
    server = start_server(before_exec=disk.before_exec, data=tmp_path / "data")
    accepted = [server.add(text(n))["id"] for n in range(5)]
    disk.fill(server.process.pid, 100_000)

    refused = None
    for number in range(1000):
        answer = server.request("POST", "/documents?async_mode=true", json={"title": str(number), "content": text(number, 200)})
        if answer.status_code != 200:
            refused = answer
            break
        accepted.append(answer.json()["document_id"])
    problem = expect_problem(refused, 503)
    assert int(refused.headers["Retry-After"]) > 0 and "disk" in problem["detail"]
    assert server.running() and server.get("/livez") == {"status": "ok"}
    assert server.search(text(1, 3), top_k=1)
    assert server.document(accepted[0])["status"] == "indexed"

    disk.free(server.process.pid)
    accepted.append(server.add("There is room again.")["id"])
    server.wait_settled()
    documents = {document["id"]: document for document in server.documents()}
    assert {documents[document_id]["status"] for document_id in accepted} == {"indexed"}
    assert set(documents) == set(accepted), "what was refused is not there"
    server.kill9()
    server.restart()
    assert {document["id"] for document in server.documents("?status=indexed")} == set(accepted)


def refuses_to_start(server, *mentions):
    code = server.spawn().process.wait(PATIENCE)
    lines = server.log().splitlines()
    assert code not in (0, None) and code > 0, f"exit {code}: {lines}"
    assert len(lines) == 1, lines
    for mention in mentions:
        assert mention in lines[0], lines[0]
    assert "terminate called" not in lines[0] and "exception" not in lines[0].lower()


@pytest.mark.parametrize("path", ["/dev/null/x", "/proc/nothing/here"])
def test_data_directory_that_cannot_be(start_server, path):
    refuses_to_start(start_server.make(data=path), path)


def test_data_directory_that_is_a_file(start_server, tmp_path):
    (tmp_path / "file").write_text("I am a file.")
    refuses_to_start(start_server.make(data=tmp_path / "file"), str(tmp_path / "file"))
    assert (tmp_path / "file").read_text() == "I am a file."


def test_taken_port(start_server, server):
    other = start_server.make()
    other.port = server.port
    refuses_to_start(other, str(server.port))


@pytest.mark.parametrize("listen", ["nonsense", "127.0.0.1:", "127.0.0.1:99999", "no.such.host.invalid:8000", ":8000"])
def test_wrong_listen_address(start_server, listen):
    server = start_server.make("--model", "test")
    server.command = lambda: [BINARY, "serve", "--embedded", "--data", server.data, "--listen", listen, "--model", "test"]
    refuses_to_start(server, listen.split(":")[0])


def test_second_server_on_the_same_data(start_server):
    first = start_server()
    document = first.add("The first server is not disturbed.")
    refuses_to_start(start_server.make(data=first.data), str(first.data), "another")
    assert first.document(document["id"])["status"] == "indexed"
    first.stop()
    assert start_server(data=first.data).document(document["id"])["status"] == "indexed"


def database_file(server):
    return max((file for file in server.data.iterdir() if file.is_file() and not file.name.endswith(("-wal", "-shm"))),
               key=lambda file: file.stat().st_size)


def filled(start_server):
    server = start_server()
    server.bulk([{"content": text(n, 60)} for n in range(60)], wait=60)
    server.stop()
    return server


@pytest.mark.parametrize("garbage", [b"This is no database at all, whatever its name says. " * 40, b"", bytes(4096)])
def test_database_with_a_garbage_header(start_server, garbage):
    server = filled(start_server)
    file = database_file(server)
    damaged = garbage + file.read_bytes()[len(garbage):] if garbage else file.read_bytes()[:file.stat().st_size // 2]
    file.write_bytes(damaged)
    broken = start_server.make(data=server.data)
    if garbage:
        refuses_to_start(broken, str(server.data))
        assert file.read_bytes() == damaged, "a damaged file is left for those who can mend it"
    else:
        refuses_or_lives(broken)


def refuses_or_lives(server):
    """Damage that need not show at once: one line and the end, a server that says why it is not ready, or one whose answers are right
    or say what is wrong."""
    server.spawn()

    def settled():
        if not server.running():
            return True
        if "serves http://" not in server.log():
            return False
        try:
            return "damaged" in server.log() or requests.get(server.url + "/readyz", timeout=5).status_code == 200
        except requests.RequestException:  # it ended meanwhile, or is slow to answer
            return False
    wait_until(settled, "readiness, a word about the damage or the end")
    if not server.running():
        assert server.process.returncode > 0
        assert len(server.log().splitlines()) == 1, server.log()
        return
    for document_id in range(1, 61):
        answer = server.request("GET", f"/v1/documents/{document_id}/content")
        if answer.status_code == 200:
            assert answer.text == text(document_id - 1, 60)
        else:
            assert answer.status_code in (404, 500, 503) and answer.json()["detail"]
        assert server.request("GET", f"/v1/documents/{document_id}/chunks").status_code in (200, 404, 500, 503)
    for number in range(10):
        assert server.request("POST", "/v1/search", json={"query": text(number, 3)}).status_code in (200, 500, 503)
    assert server.request("POST", "/documents", json={"title": "t", "content": "New."}).status_code in (200, 500, 503)
    assert server.running() and server.get("/livez") == {"status": "ok"}


@pytest.mark.parametrize("where", [0.2, 0.5, 0.8])
def test_database_with_flipped_bytes(start_server, where):
    server = filled(start_server)
    file = database_file(server)
    content = bytearray(file.read_bytes())
    start = int(len(content) * where)
    for index in range(start, min(start + 20_000, len(content))):
        content[index] ^= 0xFF
    file.write_bytes(content)
    refuses_or_lives(start_server.make(data=server.data))


# What a complaint about each must mention.
ASSETS = {"model/vocab.txt": "vocab", "model/model-float32.onnx": "model", "runtime/libonnxruntime.so.1": "libonnxruntime.so.1"}


def copy_assets(folder):
    """Links to the true assets; a test replaces one of them."""
    places = [BINARY.resolve().parent, pathlib.Path(os.environ.get("MILLRACE_CACHE", "/nowhere")),
              pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "millrace"]
    for name in ASSETS:
        source = next(place / name for place in places if (place / name).is_file())
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(source)
    return folder


def replace(file, content):
    file.unlink()
    if content is not None:
        file.write_bytes(content)


def test_assets_of_another_directory(start_server, tmp_path):
    server = start_server("--assets", str(copy_assets(tmp_path / "assets")), model="minilm")
    assert server.add("It works from here.")["status"] == "indexed"


@pytest.mark.parametrize("name", ASSETS)
@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "garbage"])
def test_damaged_assets(start_server, tmp_path, name, damage):
    assets = copy_assets(tmp_path / "assets")
    original = (assets / name).read_bytes()
    contents = {"missing": None, "empty": b"", "cut": original[:len(original) // 2], "garbage": b"garbage " * 5000}
    replace(assets / name, contents[damage])
    refuses_to_start(start_server.make("--assets", str(assets), model="minilm"), ASSETS[name])


def test_model_with_changed_weights(start_server, tmp_path):
    """It loads, and its vectors are wrong: the golden vectors tell."""
    assets = copy_assets(tmp_path / "assets")
    model = assets / "model/model-float32.onnx"
    content = bytearray(model.read_bytes())
    middle = len(content) // 2
    content[middle:middle + 4_000_000] = bytes(4_000_000)
    replace(model, content)
    refuses_to_start(start_server.make("--assets", str(assets), model="minilm"))


def test_vocabulary_in_another_order(start_server, tmp_path):
    assets = copy_assets(tmp_path / "assets")
    lines = (assets / "model/vocab.txt").read_bytes().splitlines(keepends=True)
    replace(assets / "model/vocab.txt", b"".join(lines[:2000] + lines[2000:][::-1]))
    refuses_to_start(start_server.make("--assets", str(assets), model="minilm"))


def test_no_assets_at_all(start_server, tmp_path):
    for model in ("minilm", "test"):
        server = start_server.make("--assets", str(tmp_path / "nothing"), model=model)
        refuses_to_start(server, str(tmp_path / "nothing"))


def test_data_of_another_model(start_server):
    server = start_server()
    server.add("Embedded by the test model.")
    server.stop()
    refuses_to_start(start_server.make(data=server.data, model="minilm"))
    assert start_server(data=server.data).documents()[0]["status"] == "indexed"


def test_slow_clients_do_not_keep_others_waiting(server):
    with connect(server) as connection:
        connection.sendall(b"POST /documents HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{")
        for _ in range(20):
            assert server.get("/health")["mysql"] == "connected"
            time.sleep(0.01)
