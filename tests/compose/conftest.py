import pytest

from installation import Installation


@pytest.fixture(scope="session")
def installation():
    """What `docker compose up` makes of the repository; its tests follow each other on the same data."""
    installation = Installation()
    installation.compose("down", "--volumes", "--timeout", "5")  # what a run that was killed has left
    installation.up()
    yield installation
    installation.compose("down", "--volumes", "--timeout", "5")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Puts the end of the containers' logs below a failure."""
    report = (yield).get_result()
    installation = item.funcargs.get("installation")
    if report.failed and installation:
        report.sections.append(("containers", installation.compose("ps", "--all") + installation.compose("logs", "--tail", "40")))
