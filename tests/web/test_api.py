"""The API: bounded bodies, one sentence for every error, no path, no traceback; fuzzed."""

import json
import sys
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etabli.web import api, pages, trainer
from etabli.web.api import json_response, replace_nonfinite, strip_paths

FUZZ = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
STATUSES = {200, 400, 404, 408, 409, 413, 422}
FUZZED = [
    *pages.ENDPOINTS,
    next(each for each in pages.STREAMS if each.path == "/api/poetry/stream"),
]


@pytest.fixture(autouse=True)
def _training_does_nothing(monkeypatch):
    monkeypatch.setattr(
        trainer, "_command", lambda experiments, out, overwrite: [sys.executable, "-c", ""]
    )


def values_of(schema: dict) -> st.SearchStrategy:
    """Generate values that a schema allows."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "const" in schema:
        return st.just(schema["const"])
    if "anyOf" in schema:
        return st.one_of([values_of(each) for each in schema["anyOf"]])
    kind = schema.get("type")
    low, high = schema.get("minimum"), schema.get("maximum")
    if kind == "integer":
        high = schema["exclusiveMaximum"] - 1 if "exclusiveMaximum" in schema else high
        return st.integers(low, high)
    if kind == "number":
        low = schema.get("exclusiveMinimum", low)
        return st.floats(
            low,
            high,
            allow_nan=False,
            allow_infinity=False,
            exclude_min="exclusiveMinimum" in schema,
        )
    if kind == "string":
        return st.text(
            max_size=min(schema.get("maxLength", 30), 30), min_size=schema.get("minLength", 0)
        )
    if kind == "array":
        return st.lists(
            values_of(schema["items"]),
            min_size=schema.get("minItems", 0),
            max_size=min(schema.get("maxItems", 8), 8),
        )
    return st.none() if kind == "null" else st.booleans()


def documents_of(schema: dict) -> st.SearchStrategy:
    """Generate parameters that a schema allows: all required ones, and some of the others."""
    fields = {name: values_of(field) for name, field in schema.get("properties", {}).items()}
    wanted = {name: fields.pop(name) for name in schema.get("required", [])}
    return st.fixed_dictionaries(wanted, optional=fields)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


def send(client, each: api.Endpoint, document: dict, body: bytes = b""):
    path = each.path
    query = {}
    for name, value in document.items():
        if f"{{{name}}}" in path:
            path = path.replace(f"{{{name}}}", quote(str(value), safe="") or "%20")
        else:
            query[name] = value
    if each.upload:
        return client.post(path, params=query, content=body, headers={"content-type": "image/png"})
    if each.method == "POST":
        return client.post(
            path, content=json.dumps(document), headers={"content-type": "application/json"}
        )
    return client.get(path, params={name: str(value) for name, value in query.items()})


def assert_valid(answer, small_runs):
    assert answer.status_code in STATUSES, (answer.status_code, answer.text[:300])
    if answer.headers["content-type"].startswith("image/"):
        return
    for secret in ("Traceback", str(small_runs), "site-packages", ".py"):
        assert secret not in answer.text
    json.loads(answer.text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


@pytest.mark.parametrize("each", FUZZED, ids=lambda each: each.path)
def test_requests_that_the_schema_allows_are_answered(client, small_runs, each):
    operation = api.openapi_schema([each])["paths"][each.path][each.method.lower()]

    @FUZZ
    @given(documents_of(schema_of(operation)), st.binary(max_size=200))
    def answered(document, body):
        assert_valid(send(client, each, document, body), small_runs)

    answered()


@pytest.mark.parametrize("each", FUZZED, ids=lambda each: each.path)
def test_requests_that_the_schema_forbids_are_refused_with_one_sentence(client, small_runs, each):
    fields = list(each.params.model_fields) or ["anything"]

    @FUZZ
    @given(st.dictionaries(st.sampled_from([*fields, "other"]), ANYTHING, max_size=3))
    def refused(document):
        assert_valid(send(client, each, document), small_runs)

    refused()


def schema_of(operation: dict) -> dict:
    """Return the schema of the parameters of an operation."""
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body:
        return body["schema"]
    parameters = operation.get("parameters", [])
    return {
        "properties": {each["name"]: each["schema"] for each in parameters},
        "required": [each["name"] for each in parameters if each["required"]],
    }


def test_the_published_schema_lists_every_endpoint(client):
    paths = client.get("/api/schema").json()["paths"]
    assert set(paths) == {each.path for each in (*pages.ENDPOINTS, *pages.STREAMS)}


def test_every_address_of_the_api_is_in_the_schema(client):
    served = {
        route.path for route in client.app.routes if getattr(route, "path", "").startswith("/api/")
    }
    assert served - {"/api/schema"} == set(client.get("/api/schema").json()["paths"])


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"x": NaN}', b'"text"']
)
def test_a_body_that_is_not_json_or_not_valid_is_refused(client, small_runs, body):
    answer = client.post(
        "/api/backprop", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code in ({200} if body == b"" else {400, 422})
    assert_valid(answer, small_runs)


def test_a_body_that_is_too_large_is_refused_with_or_without_content_length(client):
    large = b" " * (api.MAX_JSON_BYTES + 1)
    headers = {"content-type": "application/json"}
    assert client.post("/api/backprop", content=large, headers=headers).status_code == 413
    in_chunks = (large[at : at + 65536] for at in range(0, len(large), 65536))
    assert client.post("/api/backprop", content=in_chunks, headers=headers).status_code == 413


def test_an_internal_error_shows_no_details(small_runs, monkeypatch):
    from web.playground import TestClient

    from etabli.web.app import make_app
    from etabli.web.pages import runs

    def broken(*_arguments):
        raise RuntimeError("/home/someone/secret.txt")

    monkeypatch.setattr(runs.run_folder, "summarize_scores", broken)
    with TestClient(
        make_app(small_runs), base_url="http://127.0.0.1", raise_server_exceptions=False
    ) as client:
        answer = client.get("/api/runs/first")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("there is no file /home/a/b/c.txt.", "there is no file c.txt."),
        ("'/a/b/c' and C:\\x\\y\\z.bin", "'c' and z.bin"),
        ("1/2 of and/or http stays", "1/2 of and/or http stays"),
        ("/tmp/run is not a run: it has no run.json", "run is not a run: it has no run.json"),
    ],
)
def test_paths_are_stripped_from_sentences(sentence, shown):
    assert strip_paths(sentence) == shown


def test_nonfinite_numbers_become_null():
    assert replace_nonfinite({"a": [float("nan"), 1.0], "b": (float("inf"),)}) == {
        "a": [None, 1.0],
        "b": [None],
    }
    assert json_response({"a": float("nan")}).body == b'{"a":null}'
