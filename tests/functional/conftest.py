import os
import resource

import pytest

from serving import BINARY, Server, Starter


def pytest_sessionstart(session):
    assert BINARY.is_file(), f"{BINARY} is missing: scripts/build release, or name another with MILLRACE_BINARY"
    os.environ["NO_PROXY"] = "*"
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Puts the end of each server's log below a failure."""
    report = (yield).get_result()
    if report.failed:
        for name, value in item.funcargs.items():
            for server in value.servers if isinstance(value, Starter) else [value]:
                if isinstance(server, Server) and server.log_path.exists():
                    report.sections.append((f"log of {name} (port {server.port})", server.log()[-6000:]))


@pytest.fixture
def start_server(tmp_path):
    starter = Starter(tmp_path)
    yield starter
    starter.stop_all()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """Many tests share it: they add documents of their own and leave those of others alone.

    Its model is the test model: deterministic, a text with the word `millracerefusethis` fails.
    """
    starter = Starter(tmp_path_factory.mktemp("shared"))
    yield starter()
    starter.stop_all()
