"""A pytest plugin of the black-box suites: what a run needs, and what a failure shows."""

import os
import resource

import pytest

from serving import BINARY, Program


def pytest_sessionstart(session):
    assert BINARY.is_file(), f"{BINARY} is missing: scripts/build release, or name another with MILLRACE_BINARY"
    os.environ["NO_PROXY"] = "*"
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Puts the end of each process's log below a failure."""
    report = (yield).get_result()
    if report.failed:
        for name, value in item.funcargs.items():
            for program in getattr(value, "programs", [value]):
                if isinstance(program, Program) and program.log_path.exists():
                    report.sections.append((f"log of {name} (port {program.port})", program.log()[-6000:]))
