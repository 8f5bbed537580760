"""Loaded by Schemathesis (SCHEMATHESIS_HOOKS): how it sends what it makes up for a body of lines."""

import json

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def to_lines(context, value):
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode("utf-8", "surrogatepass")
