import asyncio
import base64
import contextlib
import hmac
import http.client
import json
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the extra 'webhook' is not installed")
pytest.importorskip("uvicorn", reason="the extra 'webhook' is not installed")

from botcannon_core.collectors import exchange
from botcannon_core.collectors.envelope import of_tasks
from botcannon_core.collectors.webhook import Webhook
from botcannon_core.collectors.webhook.answer import answer_to
from botcannon_core.errors import ServiceError
from botcannon_core.message import Message
from tests.collectors.door_here import PATIENCE, DoorHere
from tests.story.cannon_here import project

JSON = {"Content-Type": "application/json"}
Open = Callable[..., DoorHere]


def shout(message: Message) -> dict[str, str]:
    return {"text": message.get("text", "").upper(), "_outcome": "done"}


@pytest.fixture
def door() -> Iterator[Open]:
    """Opens a webhook on a free port."""
    with contextlib.ExitStack() as stack:

        def make(answer: Any = shout, reads: bool = True, **kwargs: Any) -> DoorHere:
            first = kwargs.pop("answer_first", False)
            webhook = Webhook(port=0, **kwargs)
            here = DoorHere(webhook, answer, reads=reads, answer_first=first)
            return stack.enter_context(here)

        yield make


class Reply:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def connection(door: Any) -> http.client.HTTPConnection:
    port = int(door.collector._server.address.rpartition(":")[2].partition("/")[0])
    return http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)


def post(door: Any, body: Any, path: str = "/", method: str = "POST", **headers: str) -> Reply:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if isinstance(body, dict | list):
        body, sent = json.dumps(body), {**JSON, **sent}
    with contextlib.closing(connection(door)) as client:
        client.request(method, path, body.encode() if isinstance(body, str) else body, sent)
        return Reply(client.getresponse())


def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


# --- what comes in, what goes out


def test_a_text_is_answered_with_the_text_of_its_taskback(door: Open) -> None:
    reply = post(here := door(), "users list\n")
    assert (reply.status, reply.text) == (200, "USERS LIST\n")
    (message,) = here.intake.messages
    assert reply.headers["X-Message-Id"] == message.id
    fields = dict(message)
    assert fields.pop("event_id")
    assert fields == {
        "text": "users list",
        "user": "webhook",
        "user_name": "webhook",
        "room": "webhook",
        "direct": "1",
        "network": "webhook",
    }


def test_a_json_object_is_answered_with_what_the_tasks_gave(door: Open) -> None:
    here = door(lambda m: {"text": "ok", "total": "3", "_outcome": "done"})
    reply = post(here, {"text": "sum", "thread": "t1", "amount": "7"})
    (message,) = here.intake.messages
    assert reply.json == {"id": message.id, "text": "ok", "total": "3"}
    assert (message["thread"], message["amount"]) == ("t1", "7")


def test_what_curl_sends_is_a_text(door: Open) -> None:
    kind = "application/x-www-form-urlencoded"
    assert post(door(), "a=b", Content_Type=kind).text == "A=B\n"


def test_who_sends_text_may_ask_for_json(door: Open) -> None:
    assert post(door(), "hi", Accept="application/json").json["text"] == "HI"


def test_text_in_every_script_survives(door: Open) -> None:
    assert post(door(), "grüße 你好").text == "GRÜSSE 你好\n"
    assert post(door(), {"text": "grüße 你好"}).json["text"] == "GRÜSSE 你好"


def test_a_parked_message_is_an_error_with_its_ids(door: Open) -> None:
    parked = {"_outcome": "parked", "_error": "ValueError: no", "_error_id": "abc123"}
    here = door(lambda _: parked)
    reply = post(here, {"text": "boom"})
    assert reply.status == 500
    assert reply.json == {"error": "ValueError: no", "id": "1000-0", "error_id": "abc123"}
    reply = post(here, "boom")
    assert reply.text == "error: ValueError: no (id 1001-0, error_id abc123)\n"


@pytest.mark.parametrize("ended", [{"_outcome": "skipped"}, {"_outcome": "done", "_empty": "1"}])
def test_no_results_are_an_empty_answer(door: Open, ended: dict[str, str]) -> None:
    reply = post(door(lambda _: ended), {"text": "hush"})
    assert (reply.status, reply.body) == (204, b"")


def test_a_file_comes_as_itself_to_who_sent_text(door: Open) -> None:
    file = {"file_name": "../a b.png", "file_base64": base64.b64encode(b"\x89PNG").decode()}
    reply = post(door(lambda _: {**file, "_outcome": "done"}), "plot")
    assert (reply.body, reply.headers["Content-Type"]) == (b"\x89PNG", "image/png")
    assert reply.headers["Content-Disposition"] == "attachment; filename*=UTF-8''a%20b.png"


def test_a_file_that_is_too_large_is_said_to_be(door: Open) -> None:
    file = {"file_name": "big", "file_base64": "A" * 8_000_000, "_outcome": "done"}
    assert "big is larger than" in post(here := door(lambda _: file), "plot").text
    assert "file_base64" not in post(here, {"text": "plot"}).json


def test_an_answer_may_overtake_the_word_that_it_is_stored(door: Open) -> None:
    assert post(door(answer_first=True), "fast").text == "FAST\n"


def test_headers_that_are_named_become_fields(door: Open) -> None:
    here = door(headers={"X-GitHub-Event": "event"}, as_text=True)
    reply = post(here, {"nested": {"is": "fine"}}, x_github_event="push")
    assert reply.text == '{"NESTED": {"IS": "FINE"}}\n'
    assert here.intake.messages[0]["event"] == "push"


# --- what is refused


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ({"n": 5}, 422, "field 'n' is a number; every value is a string"),
        ({"n": None}, 422, "field 'n' is null"),
        ({"n": True}, 422, "field 'n' is true or false"),
        ({"n": {"a": "b"}}, 422, "field 'n' is an object"),
        ({"n": ["a"]}, 422, "field 'n' is a list"),
        ({"_from": "me"}, 422, "'_from'"),
        ({"network": "slack"}, 422, "field 'network' is the door's"),
        ({"text": "x", "user": "root"}, 422, "field 'user' is heard only"),
        ({"text": "x", "room": "#ops"}, 422, "field 'room' is heard only"),
        ({}, 422, "empty"),
        (["a"], 422, "the body is a list"),
    ],
)
def test_json_that_is_no_message_is_refused_naming_the_field(
    door: Open, body: Any, status: int, reason: str
) -> None:
    here = door()
    reply = post(here, body)
    assert (reply.status, reason in reply.json["error"]) == (status, True), reply.text
    assert here.intake.messages == []
    assert post(here, "still here").status == 200


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b'{"a": "b", "a": "c"}', "application/json", 422),
        (rb'{"a": "\ud800"}', "application/json", 422),
        (b"[" * 100_000, "application/json", 400),
        (b'{"a": "\xff"}', "application/json", 400),
        (b"\xff", "text/plain", 400),
        (b" \n", "text/plain", 422),
        (b"x", "multipart/form-data; boundary=x", 415),
        (b"x", "image/png", 415),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(
    door: Open, body: bytes, kind: str, status: int
) -> None:
    assert post(here := door(), body, Content_Type=kind).status == status
    assert here.intake.messages == []


def test_a_body_that_is_too_large_is_refused_said_or_not(door: Open) -> None:
    here = door(max_body=1000)
    assert post(here, "x" * 1000).status == 200
    assert post(here, "x" * 1001).status == 413
    with contextlib.closing(connection(here)) as client:
        client.request("POST", "/", iter([b"x" * 600, b"x" * 600]), encode_chunked=True)
        assert client.getresponse().status == 413


def test_only_post_on_its_path_is_heard(door: Open) -> None:
    here = door(path="/hooks/bot")
    assert post(here, "hi", "/hooks/bot").status == 200
    assert post(here, "hi", "/").status == 404
    assert post(here, "", "/hooks/bot", "GET").status == 405


def test_a_web_page_is_not_heard_without_a_token(door: Open) -> None:
    assert post(door(), "deploy", Origin="https://evil.example").status == 403


# --- who may ask


def test_a_token_lets_in_who_has_it(door: Open) -> None:
    here = door(token="s3cret")
    assert post(here, "hi").status == 401
    assert post(here, "hi", Authorization="Bearer wrong").status == 401
    assert post(here, "hi", Authorization="Basic s3cret").status == 401
    assert post(here, "hi", Authorization="Bearer s3cr\xe9t").status == 401
    assert here.intake.messages == []
    reply = post(here, {"text": "hi", "user": "U1", "room": "#ops"}, Authorization="Bearer s3cret")
    assert reply.status == 200
    (message,) = here.intake.messages
    assert (message["user"], message["user_name"], message["room"]) == ("U1", "U1", "#ops")
    assert "direct" not in message  # said in a room, so that a rule about the room can fit


def test_a_wrong_token_is_refused_before_the_body_is_read(door: Open) -> None:
    here = door(token="s3cret")
    with contextlib.closing(connection(here)) as client:
        client.putrequest("POST", "/")
        client.putheader("Content-Length", "100")
        client.endheaders()
        assert client.getresponse().status == 401


@pytest.mark.parametrize("algorithm", ["sha256", "sha512", "sha1"])
def test_a_signature_over_the_body_is_checked(door: Open, algorithm: str) -> None:
    here = door(secret="k", signature_header="X-Sign", algorithm=algorithm)
    good = hmac.new(b"k", b"hi", algorithm).hexdigest()
    assert post(here, "hi", x_sign=f"{algorithm}={good}").status == 200
    assert post(here, "hi", x_sign=good).status == 200
    assert post(here, "ho", x_sign=good).status == 401
    assert post(here, "hi", x_sign="").status == 401
    assert post(here, "hi").status == 401
    assert len(here.intake.messages) == 2


def test_the_signature_github_documents_is_accepted(door: Open) -> None:
    here = door(secret="It's a Secret to Everybody")
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert post(here, "Hello, World!", x_hub_signature_256=signature).status == 200


@pytest.mark.parametrize(
    "kwargs",
    [
        {"host": "0.0.0.0"},
        {"host": "example.org"},
        {"secret": ""},
        {"token": ""},
        {"secret": "k", "algorithm": "md5"},
        {"path": "hooks"},
        {"headers": {"X-Who": "network"}},
    ],
)
def test_what_would_be_unsafe_or_wrong_is_refused_at_once(kwargs: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="webhook"):
        Webhook(**kwargs)


def test_a_secret_is_not_shown() -> None:
    assert "s3cret" not in repr(Webhook(token="s3cret", secret="s3cret")._guard)


def test_others_may_reach_it_when_that_was_meant() -> None:
    Webhook("0.0.0.0", token="t")
    Webhook("0.0.0.0", secret="t")
    Webhook("0.0.0.0", anonymous=True)


def test_a_port_that_is_taken_is_said_to_be() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        here = DoorHere(Webhook(port=port))
        with here:
            here.wait()
    assert isinstance(here.error, ServiceError)
    assert f"127.0.0.1:{port}" in str(here.error)


# --- the same again, too late, too many


def test_the_same_id_again_is_answered_as_the_first_was(door: Open) -> None:
    here = door(id_header="Idempotency-Key")
    first = post(here, "pay", Idempotency_Key="k1")
    again = post(here, "pay", Idempotency_Key="k1")
    assert (again.status, again.text) == (200, "PAY\n") == (first.status, first.text)
    assert post(here, "pay", Idempotency_Key="k2").status == 200
    assert [m["event_id"] for m in here.intake.messages] == ["k1", "k2"]
    assert post(here, "pay", Idempotency_Key="k" * 201).status == 400


def test_the_same_id_while_the_first_waits_gets_its_answer_too(door: Open) -> None:
    here = door(None, id_header="Idempotency-Key")
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(post, here, "pay", Idempotency_Key="k1") for _ in range(2)]
        until(lambda: here.collector._waiting == 2 and here.intake.messages)
        (message,) = here.intake.messages
        here.call("taskback", Message({**message, "text": "paid", "_outcome": "done"}, message.id))
        assert [one.result().text for one in both] == ["paid\n", "paid\n"]


def test_a_repeat_the_store_knows_is_answered_as_the_first_was(door: Open) -> None:
    """With `unique:` in the YAML a repeat is not stored again, but told with the id of the first."""
    here = door()
    post(here, "pay")
    (first,) = here.intake.messages

    def stored_as_first(fields: dict[str, str]) -> Message:
        here.intake.messages.append(Message(fields, first.id))
        return here.intake.messages[-1]

    here.intake._answer = None
    here.intake._stored = stored_as_first  # type: ignore[method-assign]
    assert post(here, "pay").text == "PAY\n"


def test_no_answer_in_time_is_a_504_with_the_id_and_asking_again_finds_it(door: Open) -> None:
    here = door(None, timeout=0.05, id_header="Idempotency-Key")
    reply = post(here, {"text": "slow"}, Idempotency_Key="k1")
    assert (reply.status, reply.json["id"]) == (504, "1000-0")
    assert reply.json["error"] == "no answer (none within 0.05 s); it is still being done"
    (message,) = here.intake.messages
    here.call("taskback", Message({**message, "text": "late", "_outcome": "done"}, message.id))
    assert post(here, {"text": "slow"}, Idempotency_Key="k1").json["text"] == "late"
    assert len(here.intake.messages) == 1


def test_a_request_that_was_never_taken_never_happened(door: Open) -> None:
    here = door(None, timeout=0.05, reads=False)
    reply = post(here, {"text": "lost"})
    assert (reply.status, reply.headers["Retry-After"]) == (503, "1")
    assert "nothing was done" in reply.json["error"]
    assert not here.collector._exchanges._queue


def test_timeout_zero_answers_once_it_is_stored(door: Open) -> None:
    here = door(None, timeout=0)
    reply = post(here, {"text": "later"})
    assert (reply.status, reply.json) == (202, {"id": "1000-0"})
    assert post(here, "later").status == 202


def test_many_clients_wait_at_once_and_each_gets_its_own_answer(door: Open) -> None:
    here = door(None)
    clients = 100
    with ThreadPoolExecutor(clients) as pool:
        asked = {str(n): pool.submit(post, here, f"n {n}") for n in range(clients)}
        until(lambda: len(here.intake.messages) == clients)
        for message in reversed(here.intake.messages):
            answered = {**message, "text": message["text"][2:], "_outcome": "done"}
            here.call("taskback", Message(answered, message.id))
        assert {n: one.result().text for n, one in asked.items()} == {n: f"{n}\n" for n in asked}


def test_more_than_may_wait_are_told_to_come_again(door: Open) -> None:
    here = door(None, max_waiting=1)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(post, here, "one")
        until(lambda: here.intake.messages)
        reply = post(here, "two")
        assert (reply.status, reply.headers["Retry-After"]) == (503, "1")
        (message,) = here.intake.messages
        here.call("taskback", Message({**message, "_outcome": "done"}, message.id))
        assert first.result().status == 200
    assert post(here, "three", Origin="http://x").status == 403


def test_a_taskback_nobody_waits_for_is_dropped(door: Open) -> None:
    here = door()
    here.call("taskback", Message({"text": "of another life", "_outcome": "done"}, "1-0"))
    assert post(here, "hi").text == "HI\n"


def test_who_waits_when_it_ends_is_told(door: Open) -> None:
    here = door(None)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(post, here, {"text": "slow"})
        until(lambda: here.intake.messages)
        here.leave()
        reply = waiting.result()
    assert (reply.status, reply.json["id"]) == (504, "1000-0")
    assert "the service stops" in reply.json["error"]


def test_a_client_that_leaves_harms_nobody(door: Open) -> None:
    here = door(None)
    client = connection(here)
    client.request("POST", "/", b"gone")
    until(lambda: here.intake.messages)
    client.close()
    (message,) = here.intake.messages
    here.call("taskback", Message({**message, "_outcome": "done"}, message.id))
    until(lambda: here.collector._waiting == 0)
    here.intake._answer = shout
    assert post(here, "hi").text == "HI\n"


def test_signals_stay_with_the_process() -> None:
    assert threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM)
    with DoorHere(Webhook(port=0)):
        assert signal.getsignal(signal.SIGTERM) is before


def test_once_it_reads_no_more_it_says_so_at_once() -> None:
    asyncio.run(_ask_after_the_last_read())


async def _ask_after_the_last_read() -> None:
    webhook = Webhook(port=0)
    await webhook.start()
    reading = asyncio.ensure_future(anext(webhook.read()))
    await asyncio.sleep(0)  # so that it waits
    reading.cancel()
    await asyncio.wait([reading])
    here = SimpleNamespace(collector=webhook)
    reply = await asyncio.to_thread(post, here, "too late")
    assert (reply.status, "nothing was done" in reply.text) == (503, True)
    await webhook.close()


def test_what_another_client_still_waits_for_is_not_withdrawn() -> None:
    async def two_wait() -> None:
        exchanges = exchange.Exchanges()
        first, second = (exchanges.ask({"event_id": "same"}) for _ in range(2))
        assert first is second
        first.waiting = 1  # the other one gave up
        assert not exchanges.withdraw(first)
        first.waiting = 0
        assert exchanges.withdraw(first)
        assert exchanges.ask({"event_id": "same"}) is not first

    asyncio.run(two_wait())


def test_of_all_those_nobody_waits_for_only_the_last_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exchange, "MOST_OPEN", 3)
    monkeypatch.setattr(exchange, "MOST_RECENT", 2)
    asyncio.run(_ask_and_answer_many())


async def _ask_and_answer_many() -> None:
    exchanges = exchange.Exchanges()
    for n in range(10):
        exchanges.ask({"event_id": str(n)})
        await exchanges.take()
        exchanges.stored(Message({"event_id": str(n)}, f"{n}-0"))
    assert list(exchanges._open) == ["7", "8", "9"]
    assert list(exchanges._by_id) == ["7-0", "8-0", "9-0"]
    for n in range(10):
        exchanges.answered(Message({"event_id": str(n)}, f"{n}-0"))
    assert (exchanges._open, exchanges._by_id) == ({}, {})
    assert len(exchanges._recent._kept) == 2
    assert exchanges._recent._size == 2 * len("event_id9")


# --- with real processes

SERVICE = """
collector: {file: webhook, entry: Webhook, conf: {kwargs: {port: 0}}}
tasks: [{file: work, entry: Work}]
deliver: {tries: 1}
"""


@pytest.mark.story
def test_request_in_reply_out_through_up() -> None:
    with project(SERVICE) as here:
        here.up()
        said = here.until(
            lambda: re.search(r"listening on http://([\d.:]+)/", here.text), "listens"
        )
        host, _, port = said[1].partition(":")

        def ask(fields: dict[str, str]) -> Reply:
            with contextlib.closing(http.client.HTTPConnection(host, int(port), 30)) as client:
                client.request("POST", "/", json.dumps(fields), JSON)
                return Reply(client.getresponse())

        done = ask({"do": "fine", "n": "1"})
        assert (done.status, done.json.keys()) == (200, {"id", "pid"})
        parked = ask({"do": "park", "n": "2"})
        assert (parked.status, parked.json["error"]) == (500, "not for me")
        assert parked.json["id"] == parked.headers["X-Message-Id"]
        assert ask({"do": "leave", "n": "3"}).status == 500
        assert ask({"do": "nothing", "n": "4"}).status == 204
        assert ask({"do": "skip", "n": "5"}).status == 204
        with ThreadPoolExecutor(20) as pool:
            many = pool.map(lambda n: ask({"do": "fine", "n": str(n)}), range(100, 120))
            assert {reply.status for reply in many} == {200}
        with ThreadPoolExecutor(1) as pool:
            slow = pool.submit(ask, {"do": "slow", "n": "6"})
            here.until(lambda: here.tries("6"), "it is at work")
            here.signal(signal.SIGTERM)
            (here.folder / "release").touch()
            assert slow.result().status == 200  # what was asked before the end is answered
        assert here.code() == 143


# --- who asks too much


def test_who_asks_too_much_is_refused_each_time_and_told_for_how_long(door: Open) -> None:
    here = door(flood={"commands": 2, "silence": 90}, token="t")
    ann, bob = ({"text": "hi", "user": user} for user in ("ann", "bob"))
    replies = [post(here, ann, Authorization="Bearer t") for _ in range(4)]
    assert [reply.status for reply in replies] == [200, 200, 429, 429]
    told = "more than 2 commands in a minute: I listen to you again in 90 seconds"
    assert [reply.json["error"] for reply in replies[2:]] == [told, told]
    assert 80 < int(replies[3].headers["Retry-After"]) <= 90
    assert post(here, bob, Authorization="Bearer t").status == 200
    assert len(here.intake.messages) == 3


def test_who_does_not_wait_is_told_so_too_and_may_ask_the_same_later(door: Open) -> None:
    here = door(flood={"commands": 1, "silence": 0.2}, timeout=0, id_header="X-Id")
    statuses = [post(here, f"do {n}", X_Id=f"{n}").status for n in range(2)]
    assert statuses == [202, 429]
    until(lambda: post(here, "do 1", X_Id="1").status == 202)
    assert [message["text"] for message in here.intake.messages] == ["do 0", "do 1"]


def test_lines_that_make_no_sense_are_counted_from_their_answers(door: Open) -> None:
    bad = {"_outcome": "done", "text": "unknown command", "invalid": "1"}
    here = door(lambda _: bad, has_shell=True)
    assert [post(here, "hm").status for _ in range(6)] == [200] * 5 + [429]


def test_a_webhook_that_is_no_bot_listens_to_everything(door: Open) -> None:
    here = door()
    assert {post(here, "hi").status for _ in range(20)} == {200}


def test_a_cancelled_message_is_no_success() -> None:
    asked = {"text": "slow"}
    ended = Message({**asked, "_outcome": "skipped", "_error": "cancelled", "_empty": "1"}, "1-0")
    told = answer_to(ended, asked, as_json=True)
    assert (told.status, json.loads(told.body)) == (500, {"error": "cancelled", "id": "1-0"})
    assert of_tasks(ended, asked)["ok"] is False
