"""A database that its own tools took back to an older state, under a log and a cache that went on."""

from cluster import SHORT_SESSION
from serving import run, wait_until


def copy(cluster, source, target):
    """The rows of every table, as a dump and its restoration leave them."""
    connection = cluster.stack.mysql(target)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET FOREIGN_KEY_CHECKS = 0")
            cursor.execute(f"SHOW TABLES FROM {source}")
            for (table,) in cursor.fetchall():
                cursor.execute(f"CREATE TABLE IF NOT EXISTS {target}.{table} LIKE {source}.{table}")
                cursor.execute(f"DELETE FROM {target}.{table}")
                cursor.execute(f"INSERT INTO {target}.{table} SELECT * FROM {source}.{table}")
        connection.commit()
    finally:
        connection.close()


def test_log_cache_and_indexes_agree_with_the_restored_database(cluster):
    server, worker = cluster.server(), cluster.worker(environment=SHORT_SESSION)
    ids = {number: server.upload(number).json()["document_id"] for number in range(1, 9)}
    server.wait_settled()
    saved = cluster.database + "_saved"
    cluster.sql(f"CREATE DATABASE {saved} CHARACTER SET utf8mb4", database=None)
    try:
        worker.stop()
        copy(cluster, cluster.database, saved)
        worker = cluster.worker(environment=SHORT_SESSION)
        lost = server.upload(20).json()["document_id"]
        server.delete(f"/v1/documents/{ids[1]}")
        server.wait_settled()
        worker.stop()
        pending = server.upload(21).json()["document_id"]  # in the log, and nobody has read it
        wait_until(lambda: cluster.stack.lag() > 0, "the message in the log")
        assert "stop all" in run("restore", environment=cluster.environment, expect=1).stderr
        server.stop()
        copy(cluster, saved, cluster.database)
    finally:
        cluster.sql(f"DROP DATABASE {saved}", database=None)
    assert "epoch 2" in run("restore", environment=cluster.environment).stdout

    server, _ = cluster.server(), cluster.worker(environment=SHORT_SESSION)
    new = server.upload(30).json()["document_id"]
    assert new > pending, "no document gets an id that another had"
    wait_until(lambda: pending in cluster.states(), "the message that nobody had read")
    server.wait_settled()
    assert server.request("GET", f"/v1/documents/{lost}").status_code == 404
    run("replay", "--server", server.url, "--topic", "document-uploads", "--from", "0", "--execute")
    wait_until(lambda: lost in cluster.states(), "what the log holds of the time after the backup")
    accepted = {id: number for number, id in ids.items()} | {lost: 20, pending: 21, new: 30}
    cluster.check(accepted, server)
    for id in accepted:
        wait_until(lambda id=id: cluster.keys(id), f"the vectors of document {id} in Redis")
