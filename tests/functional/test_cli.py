"""The client commands of the binary, as people and scripts use them."""

import json
import subprocess
import threading
import time

import pytest

from serving import BINARY, clean_environment, free_port, run, wait_until

COMMANDS = [["serve"], ["ingest"], ["search"], ["documents", "list"], ["documents", "show"], ["documents", "chunks"],
            ["documents", "versions"], ["documents", "content"], ["documents", "delete"], ["status"], ["analytics"], ["config"], ["version"]]

PAGE = """<!doctype html><html><head><title>Kettle &amp; Co.</title><style>body { colour: unseenstyle }</style>
<script>var unseenscript = 1;</script></head><body><nav>unseennav Home About</nav>
<main><h1>Kettles</h1><p>A kettle boils water &mdash; quickly.</p><pre>kettle --on</pre></main></body></html>"""


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "library"
    (root / "deep" / "deeper").mkdir(parents=True)
    (root / "plain.txt").write_text("A plain text about wheelbarrows.")
    (root / "notes.md").write_text("# Notes on Anchors\n\nAnchors hold ships in place.\n")
    (root / "deep" / "guide.rst").write_text("Guide to Lanterns\n=================\n\nLanterns give light at night.\n")
    (root / "deep" / "deeper" / "page.html").write_text(PAGE)
    (root / "data.json").write_text(json.dumps([{"title": "One", "content": "First of the list."}, {"title": "Two", "content": "Second."}]))
    (root / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (root / "program.exe").write_bytes(b"MZ")
    (root / ".hidden.txt").write_text("Hidden files are left out.")
    return root


@pytest.fixture
def own(start_server):
    return start_server()


def millrace(server, *arguments, **more):
    return run(*arguments, "--server", server.url, **more)


def ingest(server, *arguments, **more):
    return json.loads(millrace(server, "ingest", "-o", "json", *arguments, **more).stdout)


def wait_searchable(server):
    """`ingest` waits for the store, which the index follows a moment later."""
    wait_until(lambda: all(document["searchable"] for document in server.documents()), "all documents being searchable")


def test_folder(own, folder):
    summary = ingest(own, folder)
    assert (summary["accepted"], summary["indexed"], summary["unchanged"], summary["failed"]) == (6, 6, 0, 0)
    assert summary["skipped_types"] == {".png": 1, ".exe": 1}
    documents = {document["key"]: document for document in own.documents()}
    assert set(documents) == {"library/plain.txt", "library/notes.md", "library/deep/guide.rst", "library/deep/deeper/page.html",
                              "library/data.json#1", "library/data.json#2"}
    titles = {key.split("/", 1)[1]: document["title"] for key, document in documents.items()}
    assert titles["notes.md"] == "Notes on Anchors"
    assert titles["deep/guide.rst"] == "Guide to Lanterns"
    assert titles["deep/deeper/page.html"] == "Kettle & Co."
    assert titles["data.json#2"] == "Two"
    page = own.content(documents["library/deep/deeper/page.html"]["id"])
    assert "A kettle boils water — quickly." in page and "kettle --on" in page
    assert "unseen" not in page and "<" not in page
    again = ingest(own, folder)
    assert (again["accepted"], again["unchanged"], again["failed"]) == (0, 6, 0)
    (folder / "plain.txt").write_text("A changed text about wheelbarrows.")
    changed = ingest(own, folder)
    assert (changed["accepted"], changed["unchanged"]) == (1, 5)
    assert own.content(documents["library/plain.txt"]["id"]) == "A changed text about wheelbarrows."


def test_table_summary(own, folder):
    out = millrace(own, "ingest", folder).stdout
    assert "accepted" in out and "indexed" in out and ".png 1" in out


def test_files_that_cannot_be_taken(own, folder):
    (folder / "latin1.txt").write_bytes("Gr\u00fc\u00dfe".encode("latin-1"))
    (folder / "empty.txt").write_text("")
    (folder / "broken.json").write_text("{")
    (folder / "refused.md").write_text("# Refused\n\nmillracerefusethis\n")
    summary = ingest(own, folder, expect=4)
    failures = {failure["name"].rsplit("/", 1)[1]: failure["reason"] for failure in summary["failures"]}
    assert set(failures) >= {"latin1.txt", "broken.json"}
    assert any("refused.md" in name for name in failures)
    assert "UTF-8" in failures["latin1.txt"]
    assert all(reason and "\n" not in reason for reason in failures.values())
    assert summary["failed"] == len(summary["failures"])
    assert summary["indexed"] == 6


def test_nothing_but_failures(own, tmp_path):
    (tmp_path / "bad.txt").write_bytes(b"\xff\xfe")
    summary = ingest(own, tmp_path / "bad.txt", expect=1)
    assert summary["failed"] == 1 and summary["accepted"] == 0


def test_lines_on_stdin(own):
    lines = '{"title":"A","content":"From a pipe.","key":"pipe/1"}\n\n{"content":"Another one."}\n'
    assert ingest(own, stdin=lines)["accepted"] == 2
    assert ingest(own, "-", stdin='{"title":"A","content":"From a pipe.","key":"pipe/1"}\n')["unchanged"] == 1
    mixed = ingest(own, "-", stdin='{"content":"Good."}\n{broken\n[]\n{"title":"no content"}\n', expect=4)
    assert (mixed["accepted"], mixed["failed"]) == (1, 3)


def test_prefix_and_chunking(own, folder):
    ingest(own, "--key-prefix", "mine/", "--chunking", "whole", folder / "notes.md")
    document = own.documents()[0]
    assert document["key"].startswith("mine/") and document["key"].endswith("notes.md")
    assert document["chunking"]["strategy"] == "whole"


def test_once_per_page(own, tmp_path):
    for kind in ("txt", "html", "md"):
        (tmp_path / f"page.{kind}").write_text("<p>The page.</p>" if kind == "html" else "The page.")
    summary = ingest(own, "--once-per-page", tmp_path)
    assert summary["accepted"] == 1 and len(summary["same_page"]) == 2
    assert own.documents()[0]["key"].endswith("page.html")


def test_not_waiting(own, folder):
    assert "indexed" not in ingest(own, "--no-wait", folder)


def test_large_folder_in_small_batches(own, tmp_path):
    for number in range(300):
        (tmp_path / f"{number}.txt").write_text(f"File number {number} of many.")
    assert ingest(own, "--batch", "7", tmp_path)["indexed"] == 300
    assert ingest(own, tmp_path)["unchanged"] == 300


def test_search(own, folder):
    ingest(own, folder)
    wait_searchable(own)
    table = millrace(own, "search", "Anchors", "hold", "ships", "in", "place.").stdout
    assert "Notes on Anchors" in table and "Anchors hold ships in place." in table
    hits = json.loads(millrace(own, "search", "-o", "json", "-k", "2", "Anchors hold ships in place.").stdout)
    assert len(hits) == 2 and list(hits[0]) == ["score", "document", "chunk"]
    lines = millrace(own, "search", "-o", "jsonl", "anchors").stdout.splitlines()
    assert all(list(json.loads(line)) == ["score", "document", "chunk"] for line in lines)
    only = json.loads(millrace(own, "search", "-o", "json", "--filter", '{"field":"key","equals":"library/plain.txt"}', "anchors").stdout)
    assert [hit["document"]["key"] for hit in only] == ["library/plain.txt"]
    assert json.loads(millrace(own, "search", "-o", "json", "--min-score", "1", "nothing like it").stdout) == []


def test_documents(own, folder):
    ingest(own, folder)
    table = millrace(own, "documents", "list").stdout
    assert table.count("\n") == 7 and "indexed" in table and "library/notes.md" in table
    listed = json.loads(millrace(own, "documents", "list", "-o", "json", "--limit", "3").stdout)
    assert len(listed) == 3
    lines = millrace(own, "documents", "list", "-o", "jsonl", "--all").stdout.splitlines()
    assert [json.loads(line)["id"] for line in lines] == [document["id"] for document in own.documents()]
    document = own.documents("?key=library/notes.md")[0]
    assert json.loads(millrace(own, "documents", "show", "-o", "json", document["id"]).stdout) == own.document(document["id"])
    assert "library/notes.md" in millrace(own, "documents", "show", "--key", "library/notes.md").stdout
    assert json.loads(millrace(own, "documents", "chunks", "-o", "json", document["id"]).stdout) == own.chunks(document["id"])
    assert "Anchors" in millrace(own, "documents", "chunks", document["id"]).stdout
    own.add("Anchors hold.", key="library/notes.md", title="Newer notes")
    newest, first = json.loads(millrace(own, "documents", "versions", "-o", "json", document["id"]).stdout)
    assert (newest["version"], newest["title"], first["version"]) == (2, "Newer notes", 1)
    assert millrace(own, "documents", "versions", document["id"]).stdout.splitlines()[1].split()[:3] == ["2", "newest,", "indexed"]
    assert millrace(own, "documents", "content", document["id"]).stdout == "Anchors hold."
    assert millrace(own, "documents", "content", "--version", "1", document["id"]).stdout != "Anchors hold."
    assert millrace(own, "documents", "delete", document["id"]).stdout.strip() == f"deleted {document['id']}"
    millrace(own, "documents", "delete", document["id"], expect=3)
    others = [other["id"] for other in own.documents()]
    millrace(own, "documents", "delete", others[0], 987654321, expect=4)
    assert len(own.documents()) == len(others) - 1


def test_unknown_documents(server):
    for arguments in (["show", "987654321"], ["show", "--key", "no such key"], ["chunks", "987654321"], ["delete", "987654321"]):
        done = millrace(server, "documents", *arguments, expect=3)
        assert len(done.stderr.splitlines()) == 1 and done.stdout in ("", "[]\n")


def test_failed_documents_say_why(own):
    own.add("millracerefusethis", key="refused")
    assert "refused" in millrace(own, "documents", "list", "--status", "dead_lettered").stdout
    assert "embed" in millrace(own, "documents", "show", "--key", "refused").stdout


def test_status_config_version(server):
    assert "throughput" in millrace(server, "status").stdout
    assert json.loads(millrace(server, "status", "-o", "json").stdout)["mode"] == "embedded"
    assert len(millrace(server, "status", "-o", "jsonl").stdout.splitlines()) == 1
    assert "listen" in millrace(server, "config").stdout
    settings = json.loads(millrace(server, "config", "-o", "json").stdout)
    assert {"name", "value", "source"} == set(settings[0])
    assert millrace(server, "version").stdout.startswith("millrace ")
    version = json.loads(millrace(server, "version", "-o", "json").stdout)
    assert version["server"]["version"] == version["client"]


def test_server_from_the_environment(server):
    run("status", environment={"MILLRACE_SERVER": server.url})


@pytest.mark.parametrize("arguments", [["status"], ["analytics"], ["search", "x"], ["documents", "list"], ["documents", "show", "1"], ["config"],
                                       ["ingest", __file__.replace("functional/test_cli.py", "harness/requirements.txt")]])
def test_server_away(arguments):
    url = f"http://127.0.0.1:{free_port()}"
    done = run(*arguments, "--server", url, expect=1)
    assert len(done.stderr.splitlines()) == 1 and url.removeprefix("http://") in done.stderr
    assert done.stdout == ""


def test_server_that_goes_away_during_ingest(start_server, tmp_path):
    server = start_server()
    for number in range(20):
        (tmp_path / f"{number}.txt").write_text(f"File {number}.")
    server.kill9()
    started = time.monotonic()
    done = run("ingest", tmp_path, "--server", server.url, "--give-up-after", "1", expect=1)
    assert time.monotonic() - started < 60 and done.stderr


def test_server_that_dies_again_and_again_during_ingest_without_keys(start_server):
    server = start_server()
    sent = [f"Line {number} of the many." for number in range(6000)]
    ingest = subprocess.Popen([BINARY, "ingest", "-", "--server", server.url, "--batch", "50", "-o", "json"], text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment())
    feeder = threading.Thread(target=lambda: (ingest.stdin.writelines(json.dumps({"content": line}) + "\n" for line in sent), ingest.stdin.close()))
    feeder.start()
    for kill in range(1, 6):
        wait_until(lambda: sum(server.get("/v1/status")["documents"].values()) > kill * 900, "documents to come")
        server.kill9()
        server.start()
    feeder.join()
    out, errors = ingest.stdout.read(), ingest.stderr.read()
    assert ingest.wait(60) == 0, errors
    summary = json.loads(out)
    assert (summary["accepted"], summary["indexed"], summary["failed"]) == (len(sent), len(sent), 0)
    assert sorted(server.content(document["id"]) for document in server.documents()) == sorted(sent)


@pytest.mark.parametrize("arguments", [[], ["fly"], ["--fly"], ["documents"], ["documents", "fly"], ["search"], ["status", "extra"],
                                       ["documents", "show"], ["documents", "show", "abc"], ["documents", "delete"],
                                       ["search", "-k", "0", "x"], ["search", "--filter", "{", "x"], ["status", "-o", "xml"], ["status", "--server", "nonsense"],
                                       ["ingest", "/no/such/folder"], ["ingest", "--chunking", "page", "x"], ["serve", "--fly"]])
def test_usage_errors(arguments):
    done = run(*arguments, expect=2)
    assert done.stderr or not arguments
    assert len(done.stderr.splitlines()) <= 1


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_has_an_example(command):
    done = run(*command, "--help")
    assert "Example" in done.stdout and " ".join(["millrace", *command]) in done.stdout and done.stderr == ""


def test_program_help():
    done = run("--help")
    for command in COMMANDS:
        assert " ".join(command) in done.stdout
    assert "Example" in done.stdout and "Exit codes" in done.stdout
    assert run("--version").stdout.startswith("millrace ")


def test_terminal_is_safe_from_documents(own):
    """Titles and texts with control characters do not reach the terminal as such."""
    own.add("Evil \u001b[31mtext\u0007 here.", title="Evil\u001b]0;title\u0007", key="evil\u001b[2J")
    for arguments in (["documents", "list"], ["documents", "show", "--key", "evil\u001b[2J"], ["search", "evil text here"]):
        assert "\u001b" not in millrace(own, *arguments).stdout
