import pytest

from serving import Starter

pytest_plugins = ["running"]


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
