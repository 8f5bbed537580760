"""The description that the server gives of itself: valid, complete, and true for generated requests."""

import pathlib
import subprocess
import sys

import openapi_spec_validator
import pytest

from serving import FULL, clean_environment

ROUTES = {
    ("GET", "/"), ("GET", "/health"), ("POST", "/documents"), ("GET", "/documents"), ("POST", "/search"),
    ("DELETE", "/documents/{document_id}"), ("GET", "/docs"), ("GET", "/openapi.json"),
    ("POST", "/v1/documents"), ("GET", "/v1/documents"), ("GET", "/v1/documents/{id}"), ("DELETE", "/v1/documents/{id}"),
    ("GET", "/v1/documents/{id}/chunks"), ("GET", "/v1/documents/{id}/versions"), ("GET", "/v1/documents/{id}/content"), ("POST", "/v1/documents/bulk"),
    ("POST", "/v1/search"), ("GET", "/v1/analytics/searches"), ("GET", "/v1/events"), ("GET", "/v1/status"),
    ("GET", "/v1/schemas"), ("GET", "/v1/schemas/{topic}"),
    ("GET", "/v1/topics"), ("POST", "/v1/topics"), ("GET", "/v1/topics/{name}"), ("PATCH", "/v1/topics/{name}"),
    ("DELETE", "/v1/topics/{name}"), ("GET", "/v1/topics/{name}/messages"), ("POST", "/v1/topics/{name}/messages"),
    ("DELETE", "/v1/topics/{name}/messages"),
    ("GET", "/v1/groups"), ("GET", "/v1/groups/{name}"), ("DELETE", "/v1/groups/{name}"), ("POST", "/v1/groups/{name}/reset"),
    ("GET", "/v1/dead-letters"), ("GET", "/v1/dead-letters/{id}"), ("POST", "/v1/dead-letters/{id}/redrive"),
    ("GET", "/v1/dead-letters/export"), ("POST", "/v1/dead-letters/redrive"), ("POST", "/v1/dead-letters/purge"),
    ("POST", "/v1/reindex"), ("POST", "/v1/replay"), ("POST", "/v1/documents/{id}/reindex"),
    ("GET", "/v1/status/history"), ("GET", "/v1/instances"), ("GET", "/v1/config"), ("GET", "/v1/version"),
    ("GET", "/livez"), ("GET", "/readyz"), ("GET", "/metrics"),
}


@pytest.fixture(scope="module")
def description(server):
    return server.get("/openapi.json")


def operations(description):
    for path, item in description["paths"].items():
        for method, operation in item.items():
            if method in ("get", "post", "put", "delete", "patch"):
                yield method.upper(), path, operation


def test_is_valid(description):
    assert description["openapi"].startswith("3.1.")
    openapi_spec_validator.validate(description)


def test_describes_every_route_and_no_other(description):
    assert {(method, path) for method, path, _ in operations(description)} == ROUTES


def test_every_path_answers(server, description):
    for method, path, _ in operations(description):
        answer = server.request(method, path.replace("{document_id}", "1").replace("{id}", "1"), stream=True)
        assert answer.status_code != 405, (method, path)
        if answer.status_code == 404:
            assert any(thing in answer.json()["detail"] for thing in ("document", "topic", "group", "dead letter")), (method, path)
        answer.close()


def test_every_operation_is_explained(description):
    names = [operation["operationId"] for _, _, operation in operations(description)]
    assert len(set(names)) == len(names)
    for method, path, operation in operations(description):
        assert operation["summary"], (method, path)
        assert any(status.startswith(("2", "3")) for status in operation["responses"]), (method, path)


def test_generated_requests(start_server, tmp_path):
    """Schemathesis: no server error, nothing that the description does not tell, nothing accepted that it forbids."""
    server = start_server()
    server.add("Something to find.", key="known")
    here = pathlib.Path(__file__).parent
    report = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "--config-file", here / "schemathesis.toml", "run", server.url + "/openapi.json",
         "--seed", "1", "--max-examples", "200" if FULL else "20", "--suppress-health-check", "all", "--request-timeout", "60",
         "--warnings", "off", "--continue-on-failure", "--no-color"],
        cwd=tmp_path, capture_output=True, text=True, timeout=3000,
        env=clean_environment(HYPOTHESIS_STORAGE_DIRECTORY=str(tmp_path), SCHEMATHESIS_HOOKS="ndjson_bodies", PYTHONPATH=str(here)))
    assert report.returncode == 0, report.stdout[-15_000:] + report.stderr[-2000:]
    assert server.running()
