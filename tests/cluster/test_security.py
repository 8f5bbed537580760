"""Passwords and certificates: every connection encrypted and checked, every kind of login, every refusal in plain words."""

import os
import time

import pytest

from cluster import ClusterServer, Uploader, Worker
from serving import wait_until

USER, PASSWORD = "millrace", "millrace-secret"
SASL, SASL_OVER_TLS, CERTIFICATES = 2, 3, 5  # above the port of a broker's plain listener
TLS = os.path.join(os.environ.get("MILLRACE_STACK", ""), "tls")


def brokers(cluster, offset):
    addresses = (address.rsplit(":", 1) for address in cluster.stack.bootstrap.split(","))
    return ",".join(f"{host}:{int(port) + offset}" for host, port in addresses)


def sasl(cluster, offset, mechanism, password=PASSWORD):
    return {"KAFKA_BOOTSTRAP_SERVERS": brokers(cluster, offset), "MILLRACE_KAFKA_SASL_MECHANISM": mechanism,
            "MILLRACE_KAFKA_SECURITY_PROTOCOL": "sasl_ssl" if offset == SASL_OVER_TLS else "sasl_plaintext",
            "MILLRACE_KAFKA_SASL_USERNAME": USER, "MILLRACE_KAFKA_SASL_PASSWORD": password, "MILLRACE_KAFKA_CA_FILE": f"{TLS}/ca.pem"}


def encrypted(cluster):
    """All three over TLS, each certificate checked."""
    return sasl(cluster, SASL_OVER_TLS, "SCRAM-SHA-512") | {
        "MILLRACE_KAFKA_CERT_FILE": f"{TLS}/client.pem", "MILLRACE_KAFKA_KEY_FILE": f"{TLS}/client.key",
        "MILLRACE_MYSQL_TLS": "verify", "MILLRACE_MYSQL_CA_FILE": f"{TLS}/ca.pem",
        "REDIS_PORT": str(int(cluster.stack.settings["REDIS_PORT"]) + 1), "MILLRACE_REDIS_TLS": "verify", "MILLRACE_REDIS_CA_FILE": f"{TLS}/ca.pem"}


def test_everything_encrypted(cluster, tmp_path):
    secret = tmp_path / "password"
    secret.write_text(PASSWORD + "\n")
    environment = encrypted(cluster)
    del environment["MILLRACE_KAFKA_SASL_PASSWORD"]
    environment["MILLRACE_KAFKA_SASL_PASSWORD_FILE"] = str(secret)
    server, worker = cluster.server(environment=environment), cluster.worker(environment=environment)
    server.wait_connected()
    cluster.check(Uploader(server, 1, 20).wait(), server)
    settings = {setting["name"]: setting["value"] for setting in server.get("/v1/config")["settings"]}
    assert settings["kafka_sasl_username"] == USER and PASSWORD not in settings.values() and "ragpassword" not in settings.values()
    for program in (server, worker):
        assert PASSWORD not in program.log() and "ragpassword" not in program.log()


@pytest.mark.parametrize("offset, mechanism", [(SASL, "PLAIN"), (SASL, "SCRAM-SHA-256"), (SASL_OVER_TLS, "PLAIN")])
def test_logins_to_kafka(cluster, offset, mechanism):
    server = cluster.server(environment=sasl(cluster, offset, mechanism))
    server.wait_connected()


def test_token_login_to_kafka(cluster):
    """OAUTHBEARER: what says who we are comes by librdkafka's own properties."""
    environment = sasl(cluster, SASL, "OAUTHBEARER")
    del environment["MILLRACE_KAFKA_SASL_USERNAME"], environment["MILLRACE_KAFKA_SASL_PASSWORD"]
    environment["MILLRACE_KAFKA_PROPERTIES"] = f"enable.sasl.oauthbearer.unsecure.jwt=true,sasl.oauthbearer.config=principal={USER}"
    server, _ = cluster.server(environment=environment), cluster.worker(environment=environment)
    server.wait_connected()
    cluster.check(Uploader(server, 1, 5).wait(), server)


def by_certificate(cluster):
    return {"KAFKA_BOOTSTRAP_SERVERS": brokers(cluster, CERTIFICATES), "MILLRACE_KAFKA_SECURITY_PROTOCOL": "ssl", "MILLRACE_KAFKA_CA_FILE": f"{TLS}/ca.pem"}


def test_certificate_login_to_kafka(cluster):
    environment = by_certificate(cluster) | {"MILLRACE_KAFKA_CERT_FILE": f"{TLS}/client.pem", "MILLRACE_KAFKA_KEY_FILE": f"{TLS}/client.key"}
    server, _ = cluster.server(environment=environment), cluster.worker(environment=environment)
    server.wait_connected()
    cluster.check(Uploader(server, 1, 5).wait(), server)


def test_missing_certificate_for_kafka(cluster):
    server = cluster.make(ClusterServer, environment=by_certificate(cluster)).spawn()
    wait_until(lambda: " serves " in server.log(), "a server that answers")
    health = wait_until(lambda: (lambda found: found if found["kafka"] != "connected" else None)(server.get("/health")), "/health", pause=0.3)
    assert health["kafka"].startswith("disconnected: ") and health["mysql"] == "connected"


def test_wrong_password_of_kafka(cluster):
    """The broker may be told later who we are: a server says what is wrong and goes on accepting."""
    server = cluster.make(ClusterServer, environment=sasl(cluster, SASL, "SCRAM-SHA-512", "not-the-password")).spawn()
    wait_until(lambda: "uthentication" in server.log(), "a word about the login")
    assert "not-the-password" not in server.log()
    health = wait_until(lambda: (lambda found: found if found["kafka"] != "connected" else None)(server.get("/health")), "/health", pause=0.3)
    assert health["kafka"].startswith("disconnected: ") and health["mysql"] == "connected"


@pytest.mark.parametrize("kind", [ClusterServer, Worker])
def test_untrusted_certificate_of_the_database(cluster, kind):
    program = cluster.make(kind, environment=encrypted(cluster) | {"MILLRACE_MYSQL_CA_FILE": f"{TLS}/client.pem"}).spawn()
    since = time.monotonic()
    assert program.process.wait(40) != 0 and time.monotonic() - since < 40
    assert "certificate" in program.log().lower()
