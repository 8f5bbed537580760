import pytest

from cluster import Cluster
from stack import Stack

pytest_plugins = ["running"]


@pytest.fixture(scope="session")
def stack():
    return Stack()


@pytest.fixture
def cluster(stack, tmp_path):
    """Nothing but the stack: a test that breaks things starts its own servers and workers here."""
    cluster = Cluster(stack, tmp_path)
    yield cluster
    cluster.close()


@pytest.fixture(scope="module")
def shared(stack, tmp_path_factory):
    """Two servers and a worker for a whole module of tests that leave each other's documents alone."""
    cluster = Cluster(stack, tmp_path_factory.mktemp("shared"))
    cluster.one, cluster.other = cluster.server(), cluster.server()
    cluster.worker()
    yield cluster
    cluster.close()
