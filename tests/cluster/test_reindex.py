"""Documents indexed again on Kafka, MySQL and Redis, also while the worker is killed."""

from cluster import SHORT_SESSION, sentences
from serving import run, wait_until


def test_all_pass_again_though_the_worker_dies(cluster):
    server = cluster.server()
    worker = cluster.worker(environment=SHORT_SESSION)
    numbers = range(1, 21)
    ids = {number: server.upload(number).json()["document_id"] for number in numbers}
    server.wait_settled()
    worker.kill9()
    run("reindex", "--server", server.url)
    for number in numbers:
        assert server.document(ids[number])["status"] == "queued"
        assert server.finds(number)
    cluster.worker(environment=SHORT_SESSION)
    for number, id in ids.items():
        wait_until(lambda id=id: server.document(id)["indexed_version"] == 2, f"document {id} indexed again")
    server.wait_settled()
    for number, id in ids.items():
        assert server.finds(number)
        count = len(sentences(number))
        wait_until(lambda id=id, count=count: len(cluster.keys(id)) == count, f"the vectors of document {id} in Redis")
        assert server.document(id)["status"] == "indexed"
    rows = cluster.sql("SELECT count(*), min(revision), max(revision) FROM document_state")
    assert tuple(rows[0].values() if isinstance(rows[0], dict) else rows[0]) == (len(ids), 1, 1)
