"""Who may ask: hosts, origins, keys."""

import socket

import pytest

from serving import Starter, expect_problem, run

EXEMPT = ["/livez", "/readyz"]
READS = [("GET", "/"), ("GET", "/health"), ("GET", "/documents"), ("GET", "/openapi.json"), ("GET", "/metrics"),
         ("GET", "/v1/documents"), ("GET", "/v1/documents/1"), ("GET", "/v1/documents/1/chunks"), ("GET", "/v1/documents/1/versions"), ("GET", "/v1/documents/1/content"),
         ("GET", "/v1/status"), ("GET", "/v1/status/history"), ("GET", "/v1/version"), ("POST", "/search"), ("POST", "/v1/search")]
WRITES = [("POST", "/documents"), ("DELETE", "/documents/1"), ("POST", "/v1/documents"), ("POST", "/v1/documents/bulk"),
          ("DELETE", "/v1/documents/1")]
ADMINS = [("GET", "/v1/config")]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "keys").write_text("# the keys of this test\nreaderkey read the dashboard\n\nwriterkey write\nadminkey\tadmin\n")
    starter = Starter(folder)
    yield starter("--api-keys", str(folder / "keys"))
    starter.stop_all()


def ask(server, method, path, key=None, scheme="Bearer"):
    headers = {"Authorization": f"{scheme} {key}"} if key else {}
    return server.request(method, path, headers=headers, **({"json": {}} if method == "POST" else {}))


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:8000", "127.0.0.1:99"])
def test_own_hosts(server, host):
    server.request("GET", "/v1/version", 200, headers={"Host": host})


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example",
                                  "localhost@evil.example", "169.254.169.254", "localhost:80x"])
def test_other_hosts_are_refused(server, host):
    expect_problem(server.request("GET", "/v1/documents", headers={"Host": host}), 421)
    expect_problem(server.request("POST", "/v1/documents", json={"content": "x"}, headers={"Host": host}), 421)


def test_other_hosts_may_use_the_contract(server):
    server.request("GET", "/health", 200, headers={"Host": "backend:8000"})
    server.request("GET", "/documents", 200, headers={"Host": "rag.example"})


def test_allowed_hosts(start_server):
    server = start_server("--allowed-hosts", "rag.example, other.example")
    for host in ("rag.example", "rag.example:8000", "other.example", "localhost"):
        server.request("GET", "/v1/version", 200, headers={"Host": host})
    expect_problem(server.request("GET", "/v1/version", headers={"Host": "third.example"}), 421)


def test_listening_on_all_addresses(start_server):
    """As in a container: reached by any of them, and by the name that it tells the others."""
    server = start_server.make()
    command = [str(argument).replace("127.0.0.1:", "0.0.0.0:") for argument in server.command()]
    server.command = lambda: command
    server.start()
    for host in ("172.17.0.2:8000", "localhost", socket.gethostname()):
        server.request("GET", "/v1/version", 200, headers={"Host": host})
    expect_problem(server.request("GET", "/v1/version", headers={"Host": "evil.example"}), 421)


@pytest.mark.parametrize("origin", ["https://evil.example", "http://127.0.0.1:1", "null", "http://localhost.evil.example"])
def test_foreign_origins_are_refused(server, origin):
    for method, path, more in [("GET", "/v1/documents", {}), ("POST", "/v1/search", {"json": {"query": "x"}}),
                               ("DELETE", "/v1/documents/1", {})]:
        answer = server.request(method, path, headers={"Origin": origin}, **more)
        expect_problem(answer, 403)
        assert "Access-Control-Allow-Origin" not in answer.headers
    preflight = server.request("OPTIONS", "/v1/documents", headers={"Origin": origin, "Access-Control-Request-Method": "POST"})
    assert "Access-Control-Allow-Origin" not in preflight.headers


def test_own_origin(server):
    server.request("GET", "/v1/version", 200, headers={"Origin": server.url})


def test_everyone_may_ask_whether_it_lives(guarded):
    for path in EXEMPT:
        assert ask(guarded, "GET", path).status_code == 200


@pytest.mark.parametrize("method, path", READS[1:] + WRITES + ADMINS)
def test_without_a_key(guarded, method, path):
    for key in (None, "wrongkey", "readerke", "readerkeyy"):
        answer = ask(guarded, method, path, key)
        expect_problem(answer, 401)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    expect_problem(ask(guarded, method, path, "adminkey", scheme="Basic"), 401)


@pytest.mark.parametrize("key, allowed, refused", [
    ("readerkey", READS, WRITES + ADMINS),
    ("writerkey", READS + WRITES, ADMINS),
    ("adminkey", READS + WRITES + ADMINS, []),
])
def test_scopes(guarded, key, allowed, refused):
    for method, path in allowed:
        assert ask(guarded, method, path, key).status_code not in (401, 403), (method, path)
    for method, path in refused:
        expect_problem(ask(guarded, method, path, key), 403)


def test_scheme_in_any_case(guarded):
    assert ask(guarded, "GET", "/v1/version", "readerkey", scheme="bearer").status_code == 200


def test_refusal_comes_before_the_body(guarded):
    """A client without a key learns nothing of the body's faults and cannot make the server read it."""
    answer = guarded.request("POST", "/v1/documents", data=b"x" * 5_000_000)
    expect_problem(answer, 401)


def test_event_stream_needs_a_key(guarded):
    expect_problem(ask(guarded, "GET", "/v1/events"), 401)


def test_preflight_needs_no_key(guarded):
    answer = guarded.request("OPTIONS", "/documents", headers={"Origin": "https://app.example", "Access-Control-Request-Method": "POST"})
    assert answer.status_code in (200, 204)
    assert "authorization" in answer.headers["Access-Control-Allow-Headers"].lower()


def test_command_line_with_a_key(guarded, tmp_path):
    file = tmp_path / "key"
    file.write_text("readerkey\n")
    run("status", "--server", guarded.url, expect=1)
    run("status", "--server", guarded.url, "--api-key", "readerkey")
    run("status", "--server", guarded.url, "--api-key-file", file)
    run("status", "--server", guarded.url, environment={"MILLRACE_API_KEY": "readerkey"})
    refused = run("config", "--server", guarded.url, "--api-key", "readerkey", expect=1)
    assert "scope" in refused.stderr
    assert "key" in run("status", "--server", guarded.url, "--api-key", "wrong", expect=1).stderr


@pytest.mark.parametrize("content", ["onlyakey\n", "key owner\n", "", "# nothing\n", "twice read\ntwice write\n", None])
def test_wrong_key_file_stops_the_start(start_server, tmp_path, content):
    file = tmp_path / "keys"
    if content is not None:
        file.write_text(content)
    server = start_server.make("--api-keys", str(file))
    assert server.spawn().process.wait(60) not in (0, None)
    assert len(server.log().splitlines()) == 1 and str(file) in server.log()
    assert "twice" not in server.log() or content is None or "given before" in server.log()


def test_nothing_of_a_page_runs_from_elsewhere(server):
    policy = server.request("GET", "/docs", 200).headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe-inline" not in policy
    for path in ("/", "/docs", "/health", "/v1/version"):
        assert server.request("GET", path).headers["X-Content-Type-Options"] == "nosniff"
