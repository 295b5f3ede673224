import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the extra 'webhook' is not installed")
pytest.importorskip("uvicorn", reason="the extra 'webhook' is not installed")

from botcannon_core.collectors.webhook import Webhook
from botcannon_core.message import Message
from botcannon_core.programs.plan import resolve
from tests.collectors.door_here import DoorHere
from tests.collectors.test_webhook import Reply, connection, post

Open = Callable[..., DoorHere]
PROGRAMS = resolve(
    {
        "programs": {
            "buy": {
                "description": "Buy <one> item.",
                "args": {"item": "string", "qty": {"type": "int", "default": 1}},
                "outputs": {"order": "string"},
                "steps": [{"file": "shop", "entry": "Reserve"}],
            },
            "refund": {"steps": [{"file": "shop", "entry": "Refund"}]},
        },
        "services": {"shop": {"programs": ["buy", "refund"]}},
    }
)

CUT = "Expecting property name enclosed in double quotes"  # Python's own words


def replying(**envelope: Any) -> Callable[[Message], dict[str, str]]:
    return lambda _: {"body": json.dumps(envelope), "_outcome": "done"}


def run(message: Message) -> dict[str, str]:
    return replying(ok=True, result={"order": f"{message['program']} {message['body']}"})(message)


@pytest.fixture
def door() -> Iterator[Open]:
    """Opens a webhook of programs on a free port."""
    with contextlib.ExitStack() as stack:

        def make(answer: Any = run, **kwargs: Any) -> DoorHere:
            webhook = Webhook(port=0, programs=PROGRAMS, **kwargs)
            return stack.enter_context(DoorHere(webhook, answer))

        yield make


def get(here: DoorHere, path: str, **headers: str) -> Reply:
    with contextlib.closing(connection(here)) as client:
        client.request("GET", path, headers=headers)
        return Reply(client.getresponse())


def test_a_program_is_run_with_the_posted_args(door: Open) -> None:
    reply = post(here := door(), {"item": "x"}, "/programs/buy")
    (message,) = here.intake.messages
    assert set(message) == {"program", "body", "event_id"}
    assert (reply.status, reply.json) == (
        200,
        {"ok": True, "result": {"order": 'buy {"item":"x"}'}, "message": message.id},
    )
    assert reply.headers["X-Message-Id"] == message.id


def test_no_body_is_no_args(door: Open) -> None:
    assert post(door(), "", "/programs/refund").json["result"] == {"order": "refund {}"}


@pytest.mark.parametrize(
    ("kind", "step", "status"),
    [("args", "", 422), ("request", "", 422), ("step", "a", 500), ("args", "a", 500)],
)
def test_the_status_says_how_it_went(door: Open, kind: str, step: str, status: int) -> None:
    failed = {"ok": False, "error": {"kind": kind, "step": step, "text": "no"}, "trace": []}
    reply = post(door(replying(**failed)), {}, "/programs/buy")
    assert reply.status == status
    assert reply.json["error"] == failed["error"]


def test_a_parked_run_is_an_error(door: Open) -> None:
    here = door(lambda _: {"_outcome": "parked", "_error": "lost"})
    reply = post(here, {"item": "x"}, "/programs/buy")
    assert (reply.status, reply.json["error"]) == (500, {"text": "lost"})


@pytest.mark.parametrize(
    ("path", "body", "status", "error"),
    [
        ("/programs/bye", {}, 404, "no such program as 'bye'; did you mean 'buy'?"),
        ("/programs/buy", [1], 422, "the body is a list; it has to be an object"),
        ("/programs/buy", "{", 400, f"the body is not valid JSON: {CUT}, line 1, column 2"),
        ("/programs/buy", '{"item": NaN}', 400, "the body is not valid JSON"),
        ("/programs/buy", b"\xff", 400, "the body is not UTF-8"),
        ("/programs/buy", '{"a": 1, "a": 2}', 422, "'a' is given twice"),
    ],
)
def test_what_cannot_be_run_is_refused(
    door: Open, path: str, body: Any, status: int, error: str
) -> None:
    reply = post(here := door(), body, path)
    assert (reply.status, reply.json["error"]) == (status, error)
    assert here.intake.messages == []


def test_a_service_of_programs_takes_nothing_else(door: Open) -> None:
    assert post(here := door(), {"text": "hi"}).status == 405
    assert get(here, "/programs/buy").status == 405
    assert here.intake.messages == []


def test_the_same_id_is_not_run_again(door: Open) -> None:
    here = door(id_header="Idempotency-Key")
    replies = [post(here, {}, "/programs/buy", Idempotency_Key="k1") for _ in range(2)]
    assert replies[0].json == replies[1].json
    assert len(here.intake.messages) == 1


def test_the_programs_are_described_for_tools(door: Open) -> None:
    described = get(door(), "/openapi.json").json
    assert described["openapi"] == "3.1.0"
    assert list(described["paths"]) == ["/programs/buy", "/programs/refund"]
    operation = described["paths"]["/programs/buy"]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert schema == PROGRAMS.programs["buy"].args.json_schema()
    given = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert given["properties"]["result"] == PROGRAMS.programs["buy"].outputs.json_schema()


FAILED: dict[str, Any] = {
    "ok": False,
    "program": "buy",
    "error": {"kind": "step", "step": "a", "text": "no", "problems": []},
    "trace": [],
}


@pytest.mark.parametrize(
    ("answer", "args", "kwargs", "status"),
    [
        (run, {}, {}, 200),
        (run, [], {}, 422),
        (run, "{", {}, 400),
        (run, {}, {"max_waiting": 0}, 503),
        (run, {}, {"timeout": 0}, 202),
        (lambda _: None, {}, {"timeout": 0.05}, 504),
        (replying(**{**FAILED, "error": {"kind": "args", "text": "no"}}), {}, {}, 422),
        (replying(**FAILED, left=["a"], outputs={"order": "x"}, in_doubt=["a"]), {}, {}, 500),
        (lambda _: {"_outcome": "parked", "_error": "lost", "_error_id": "e"}, {}, {}, 500),
    ],
)
def test_every_answer_is_one_of_those_described(
    door: Open, answer: Any, args: Any, kwargs: dict[str, Any], status: int
) -> None:
    here = door(answer, **kwargs)
    responses = get(here, "/openapi.json").json["paths"]["/programs/buy"]["post"]["responses"]
    reply = post(here, args, "/programs/buy")
    assert reply.status == status
    found = responses.get(str(status), responses["default"])
    schema = found["content"]["application/json"]["schema"]
    assert any(is_described(reply.json, one) for one in schema.get("anyOf", [schema]))


def is_described(value: Any, schema: dict[str, Any]) -> bool:
    """Whether each member of the value is one of the schema's, and of its type."""
    kinds = {"object": dict, "array": list, "string": str}
    if "const" in schema:
        return bool(value == schema["const"])
    if not isinstance(value, kinds[schema["type"]]):
        return False
    named = schema.get("properties")
    return named is None or all(n in named and is_described(value[n], named[n]) for n in value)


def test_who_is_not_waited_for_is_described_no_ending(door: Open) -> None:
    described = get(door(timeout=0), "/openapi.json").json
    responses = described["paths"]["/programs/buy"]["post"]["responses"]
    assert set(responses) == {"202", "504", "default"}


def test_a_body_is_required_only_where_an_arg_is(door: Open) -> None:
    paths = get(door(), "/openapi.json").json["paths"]
    required = {path: one["post"]["requestBody"]["required"] for path, one in paths.items()}
    assert required == {"/programs/buy": True, "/programs/refund": False}


def test_a_page_shows_them_to_people(door: Open) -> None:
    reply = get(door(path="/shop"), "/shop/")
    assert "POST /shop/programs/buy" in reply.text
    assert "Buy &lt;one&gt; item." in reply.text
    assert reply.headers["Content-Type"] == "text/html; charset=utf-8"


def test_without_the_token_nothing_is_run_or_shown(door: Open) -> None:
    here = door(token="swordfish")
    assert post(here, {}, "/programs/buy").status == 401
    assert [get(here, path).status for path in ("/", "/openapi.json")] == [401, 401]
    shown = get(here, "/openapi.json", Authorization="Bearer swordfish").json
    assert shown["security"] == [{"token": []}]
    assert post(here, {}, "/programs/buy", Authorization="Bearer swordfish").status == 200
