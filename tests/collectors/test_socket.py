import asyncio
import contextlib
import json
import os
import random
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from botcannon_core.collectors.socket import LEAVE_SECONDS, JsonServer
from botcannon_core.collectors.socket.door import Address, listen
from botcannon_core.errors import ServiceError
from botcannon_core.message import Message
from botcannon_core.programs.plan import resolve
from botcannon_core.programs.program import Plans
from tests.collectors.door_here import PATIENCE, DoorHere
from tests.collectors.socket_client import Talk, asked, dialled, once, rest

Open = Callable[..., DoorHere]


def plans(*names: str, **more: Any) -> Plans:
    """Programs of these names that a service offers; `more` belongs into each."""
    each = {"steps": ["reserve", "ship"], **more}
    return resolve(
        {
            "programs": dict.fromkeys(names, each),
            "steps": {
                "check": {"file": "shop", "entry": "check"},
                "reserve": {"file": "shop", "entry": "reserve", "needs": ["check"]},
                "ship": {"file": "shop", "entry": "ship"},
            },
            "services": {"shop": {"programs": list(names)}},
        }
    )


PROGRAMS = plans("buy", "refund")
BUY = plans("buy")


def shout(message: Message) -> dict[str, str]:
    return {"text": message.get("text", "").upper(), "_outcome": "done"}


def run(message: Message) -> dict[str, str]:
    """What a service of programs answers: here, what it was given."""
    result = {"program": message["program"], "pool": json.loads(message["body"])}
    return {"body": json.dumps({"ok": True, "result": result, "trace": []}), "_outcome": "done"}


@pytest.fixture
def door() -> Iterator[Open]:
    """Opens a socket on a free port."""
    with contextlib.ExitStack() as stack:

        def make(answer: Any = shout, reads: bool = True, **kwargs: Any) -> DoorHere:
            first = kwargs.pop("answer_first", False)
            if "unix" not in kwargs:
                kwargs = {"port": 0, **kwargs}
            here = DoorHere(JsonServer(**kwargs), answer, reads=reads, answer_first=first)
            return stack.enter_context(here)

        yield make


def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def address(here: DoorHere) -> Any:
    return here.collector.address


def why(reply: Any) -> str:
    assert reply["ok"] is False
    assert reply["trace"] == []
    return str(reply["error"]["text"])


# --- ordinary tasks


def test_the_members_of_a_document_are_the_fields_of_the_message(door: Open) -> None:
    here = door()
    reply = asked(address(here), {"text": "hi", "n": 5, "deep": {"a": [None, True]}})
    (message,) = here.intake.messages
    fields = dict(message)
    assert fields.pop("event_id")
    assert fields == {
        "text": "hi",
        "n": "5",
        "deep": '{"a": [null, true]}',
        "user": "socket",
        "user_name": "socket",
        "room": "socket",
        "direct": "1",
        "network": "socket",
    }
    assert reply == {"ok": True, "result": {"text": "HI"}, "message": message.id}


def test_who_names_a_room_speaks_in_it(door: Open) -> None:
    here = door()
    asked(address(here), {"text": "hi", "user": "U1", "room": "#ops"})
    (message,) = here.intake.messages
    assert (message["user_name"], message["room"]) == ("U1", "#ops")
    assert "direct" not in message


def test_a_message_without_results_is_answered_with_none(door: Open) -> None:
    here = door(lambda _: {"_outcome": "done", "_empty": "1"})
    assert asked(address(here), {"text": "hi"})["result"] == {}


def test_a_result_that_says_what_was_asked_is_a_result(door: Open) -> None:
    here = door(lambda _: {"_outcome": "done", "text": "hi", "_same": '["text"]'})
    assert asked(address(here), {"text": "hi", "n": "5"})["result"] == {"text": "hi"}


def test_a_parked_message_is_answered_with_its_error(door: Open) -> None:
    here = door(lambda _: {"_outcome": "parked", "_error": "too loud", "_error_id": "abc123"})
    reply = asked(address(here), {"text": "hi"})
    assert (reply["ok"], reply["error"]) == (False, {"text": "too loud", "error_id": "abc123"})
    assert reply["message"] == here.intake.messages[0].id


def test_an_answer_that_overtakes_its_message_is_not_lost(door: Open) -> None:
    assert asked(address(door(answer_first=True)), {"text": "hi"})["result"] == {"text": "HI"}


# --- programs


def test_a_program_gets_its_pool_and_metadata(door: Open) -> None:
    here = door(run, programs=PROGRAMS)
    pool = {"item": "x", "many": [1.5, {"$decimal": "no decimal"}]}
    asked_for = {"program": "buy", "data_pool": pool, "metadata": {"who": "me"}}
    reply = asked(address(here), asked_for)
    (message,) = here.intake.messages
    assert json.loads(message["metadata"]) == {"who": "me"}
    assert "user" not in message
    assert (reply["ok"], reply["result"]["program"]) == (True, "buy")


def test_the_only_program_need_not_be_named(door: Open) -> None:
    here = door(run, programs=BUY)
    assert asked(address(here), {"data_pool": {}})["result"]["program"] == "buy"


def test_what_a_failed_program_says_is_the_reply(door: Open) -> None:
    failed = {
        "ok": False,
        "error": {"step": "ship", "text": "no ship"},
        "trace": [{"step": "ship", "kind": "run", "began": 1.0, "took": 0.5, "how": "failed"}],
    }
    here = door(lambda _: {"body": json.dumps(failed), "_outcome": "done"}, programs=PROGRAMS)
    reply = asked(address(here), {"program": "buy"})
    assert reply == {**failed, "message": here.intake.messages[0].id}


def test_typed_values_are_told_in_plain_json(door: Open) -> None:
    body = '{"ok": true, "result": {"price": {"$decimal": "9.95"}}, "trace": []}'
    here = door(lambda _: {"body": body, "_outcome": "done"}, programs=PROGRAMS)
    assert asked(address(here), {"program": "buy"})["result"] == {"price": "9.95"}


def test_what_was_asked_is_never_taken_for_an_answer(door: Open) -> None:
    here = door(lambda _: {"_outcome": "parked", "_error": "lost"}, programs=PROGRAMS)
    reply = asked(address(here), {"program": "buy", "data_pool": {"ok": True, "result": {}}})
    assert why(reply) == "lost"


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"program": "bye"}, "no such program as 'bye'; did you mean 'buy'?"),
        ({"program": "zzz"}, "no such program as 'zzz'; there are buy, refund"),
        ({"data_pool": {}}, "`program` is missing; it has to be one of buy, refund"),
        ({"program": None}, "`program` is null; it has to be one of buy, refund"),
        ({"program": ["buy"]}, "`program` is a list; it has to be one of buy, refund"),
        ({"program": "buy", "data_pool": None}, "`data_pool` is null; it has to be an object"),
        ({"program": "buy", "data_pool": [1]}, "`data_pool` is a list; it has to be an object"),
        ({"program": "buy", "metadata": 1}, "`metadata` is a number; it has to be an object"),
        ({"program": "buy", "pool": {}}, "no such member as 'pool'; did you mean 'data_pool'?"),
        ({"program": "buy", "x": 1}, "no such member as 'x'; there are program, data_pool, "),
        ({"program": "buy", "id": {}}, "`id` is an object; it has to be a text or a number"),
        ({"program": "buy", "id": True}, "`id` is true or false; it has to be a text or a number"),
    ],
)
def test_a_wrong_request_is_told_why_and_the_next_is_fine(
    door: Open, document: object, reason: str
) -> None:
    here = door(run, programs=PROGRAMS)
    assert why(asked(address(here), document)).startswith(reason)
    assert asked(address(here), {"program": "buy"})["ok"] is True
    assert len(here.intake.messages) == 1


# --- what is no request


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"hello", "the document is not valid JSON: Expecting value, line 1, column 1"),
        (b'{"a": "\xff"}', "the document is not UTF-8"),
        (b'{"a": 1, "a": 2}', "'a' is given twice"),
        (b'{"a": NaN}', "the document is not valid JSON"),
        (b'{"a": 1e999}', ""),
        (b'{"a": ' + b"1" * 5000 + b"}", "the document is not valid JSON"),
        (b"[" * 100_000, "the document is not valid JSON: it is nested too deeply"),
        (b"[1]", "the document is a list; it has to be an object"),
        (b"null", "the document is null; it has to be an object"),
        (b"{}", "the document is empty"),
        (b'{"_from": "x"}', "the document set the field '_from'"),
        (b'{"a": "\\ud800"}', "the document gave a lone surrogate in field 'a'"),
        (b'{"a"', "the document is not valid JSON"),
        (b"", "there was no document"),
        (b"\n\n", "there was no document"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_what_is_no_request_is_told_so_and_the_door_lives_on(
    door: Open, data: bytes, reason: str
) -> None:
    here = door()
    reply = once(address(here), data)
    assert reason == "" or why(reply).startswith(reason)
    assert asked(address(here), {"text": "hi"})["ok"] is True


def test_a_connection_outlives_a_document_that_is_none(door: Open) -> None:
    with Talk(address(door())) as talk:
        talk.socket.sendall(b"nonsense\n\xff\n")
        assert [why(talk.hear()), why(talk.hear())]
        assert talk.ask({"text": "hi"})["result"] == {"text": "HI"}


@pytest.mark.parametrize("framing", ["newline", "length"])
def test_one_that_is_too_large_is_told_though_it_still_sends(door: Open, framing: str) -> None:
    here = door(max_document=1000, framing=framing)
    with dialled(address(here)) as client:
        head = struct.pack(">I", 5_000_000) if framing == "length" else b""
        client.sendall(head + b'{"a": "' + b"x" * 5_000_000)
        client.shutdown(socket.SHUT_WR)
        reply = json.loads(rest(client)[len(head) :])
    assert why(reply) == "the document is larger than is taken here"


def test_one_that_comes_too_slowly_is_told_so(door: Open) -> None:
    here = door(slow=0.05)
    with Talk(address(here)) as talk:
        talk.socket.sendall(b'{"a": ')
        assert why(talk.hear()) == "the document was not whole within 0.05 s"
        assert talk.hear() is None


def test_who_says_nothing_is_left_alone_for_a_while_and_then_closed(door: Open) -> None:
    with Talk(address(door(idle=0.05))) as talk:
        assert talk.hear() is None


def test_who_waits_for_a_reply_may_be_silent(door: Open) -> None:
    here = door(None, idle=0.02)
    with Talk(address(here)) as talk:
        talk.say({"text": "hi"})
        until(lambda: here.intake.messages)
        with Talk(address(here)) as later:  # who came later and asks nothing is gone before
            assert later.hear() is None
        (message,) = here.intake.messages
        here.call("taskback", Message({**message, **shout(message)}, message.id))
        assert talk.hear()["result"] == {"text": "HI"}


@pytest.mark.parametrize("framing", ["newline", "length", "ryuso"])
def test_whatever_is_said_the_door_lives_on(door: Open, framing: str) -> None:
    kind = {"compat": "ryuso"} if framing == "ryuso" else {"framing": framing}
    here = door(run, programs=BUY, max_document=200, slow=0.2, **kind)
    rng = random.Random(20)
    parts = [
        b'{"program": "buy"',
        b'"data_pool": {}',
        b"}",
        b"{",
        b"\n",
        b"\x00\x00\x00\x02",
        b'"',
        b",",
    ]
    for _ in range(300):
        data = b"".join(rng.choice([*parts, rng.randbytes(3)]) for _ in range(rng.randrange(12)))
        with contextlib.suppress(ConnectionError), dialled(address(here)) as client:
            client.sendall(data)
            if rng.random() < 0.7:
                client.shutdown(socket.SHUT_WR)
                rest(client)
    document = b'{"program": "buy", "data_pool": {}}'
    data = struct.pack(">I", len(document)) + document if framing == "length" else document
    with dialled(address(here)) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        assert b'"program": "buy"' in rest(client)


# --- documents in pieces, and many of them


@pytest.mark.parametrize("ending", ["newline", "half-close"])
def test_a_megabyte_in_pieces_is_one_document(door: Open, ending: str) -> None:
    here = door()
    text = "x" * 1_000_000
    data = json.dumps({"text": text}).encode() + (b"\n" if ending == "newline" else b"")
    with dialled(address(here)) as client:
        third = len(data) // 3
        for piece in (data[:third], data[third:-1], data[-1:]):
            client.sendall(piece)
        if ending == "half-close":
            client.shutdown(socket.SHUT_WR)
        reply = json.loads(client.makefile("rb").readline())
    assert reply["result"] == {"text": "X" * 1_000_000}


def test_a_document_byte_by_byte_is_one(door: Open) -> None:
    here = door()
    with dialled(address(here)) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b'{"text": "hi"}\n':
            client.send(bytes([byte]))
        assert json.loads(client.makefile("rb").readline())["result"] == {"text": "HI"}


def test_with_length_framing_the_reply_has_its_length_too(door: Open) -> None:
    here = door(framing="length")
    with dialled(address(here)) as client:
        document = b'{"text":\n "hi"}'
        for piece in (struct.pack(">I", len(document)) + document[:5], document[5:]):
            client.sendall(piece)
        stream = client.makefile("rb")
        (size,) = struct.unpack(">I", stream.read(4))
        assert json.loads(stream.read(size))["result"] == {"text": "HI"}


def test_a_cut_off_length_is_told_so(door: Open) -> None:
    here = door(framing="length")
    with dialled(address(here)) as client:
        client.sendall(struct.pack(">I", 10) + b"{}")
        client.shutdown(socket.SHUT_WR)
        assert why(json.loads(rest(client)[4:])) == "the document was cut off"


def test_a_reply_comes_as_soon_as_it_is_there_and_has_the_id_of_its_request(door: Open) -> None:
    here = door(None)
    with Talk(address(here)) as talk:
        talk.say({"id": "slow", "text": "a"}, {"id": 2, "text": "b"}, {"id": None, "text": "c"})
        until(lambda: len(here.intake.messages) == 3)
        for message in reversed(here.intake.messages):
            here.call("taskback", Message({**message, **shout(message)}, message.id))
        replies = [talk.hear() for _ in range(3)]
    assert [(one.get("id"), one["result"]["text"]) for one in replies] == [
        (None, "C"),
        (2, "B"),
        ("slow", "A"),
    ]
    assert "id" not in replies[0]


def test_what_was_asked_before_a_half_close_is_answered_after_it(door: Open) -> None:
    here = door()
    with Talk(address(here)) as talk:
        talk.say(*({"id": n, "text": str(n)} for n in range(1000)))
        talk.socket.shutdown(socket.SHUT_WR)
        replies = [talk.hear() for _ in range(1000)]
        assert sorted(one["id"] for one in replies) == list(range(1000))
        assert talk.hear() is None


def test_thousands_of_clients_wait_at_once(door: Open) -> None:
    here = door(None)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(dialled(address(here))) for _ in range(3000)]
        for number, client in enumerate(clients):
            client.sendall(b'{"text": "%d"}\n' % number)
        until(lambda: len(here.intake.messages) == 3000)
        for message in here.intake.messages:
            here.call("taskback", Message({**message, "more": "x"}, message.id))
        for client in clients:
            assert json.loads(client.makefile("rb").readline())["result"] == {"more": "x"}


# --- clients that go, doors that go


def test_a_client_that_is_gone_harms_nobody(door: Open) -> None:
    here = door(None)
    with Talk(address(here)) as talk:
        talk.say({"text": "x" * 100_000})
        until(lambda: here.intake.messages)
        # closed with a reset: the reply finds nobody
        talk.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    (message,) = here.intake.messages
    here.call("taskback", Message({**message, **shout(message)}, message.id))
    with Talk(address(here)) as talk:
        talk.say({"text": "hi"})
        until(lambda: len(here.intake.messages) == 2)
        here.call("taskback", Message({**here.intake.messages[1], "a": "b"}, "1001-0"))
        assert talk.hear()["result"] == {"a": "b"}


def test_who_waits_when_the_door_closes_is_told_so(door: Open) -> None:
    here = door(None)
    with Talk(address(here)) as talk:
        talk.say({"text": "hi", "id": 1})
        until(lambda: here.intake.messages)
        here.leave()
        reply = talk.hear()
        assert why(reply) == "no answer (the service stops); it is still being done"
        assert (reply["id"], reply["message"]) == (1, "1000-0")
        assert talk.hear() is None


def test_a_door_that_closes_waits_for_nobody_who_is_silent(door: Open) -> None:
    here = door(None)
    with Talk(address(here)) as idle, Talk(address(here)) as half, Talk(address(here)) as asking:
        half.socket.sendall(b'{"text": ')
        asking.say({"text": "hi"})
        until(lambda: here.intake.messages)
        began = time.monotonic()
        here.leave()
        assert time.monotonic() - began < LEAVE_SECONDS
        assert [idle.hear(), half.hear()] == [None, None]
        assert asking.hear()["ok"] is False


def test_without_an_answer_in_time_it_is_said_what_is_known(door: Open) -> None:
    reply = asked(address(door(None, timeout=0.05)), {"text": "hi"})
    assert why(reply) == "no answer (none within 0.05 s); it is still being done"
    assert reply["message"]


def test_what_was_never_taken_was_never_done(door: Open) -> None:
    reply = asked(address(door(reads=False, timeout=0.05)), {"text": "hi"})
    assert why(reply) == "it could not be stored; nothing was done, try again"


def test_one_too_many_is_told_to_come_again(door: Open) -> None:
    here = door(None, max_waiting=1)
    with Talk(address(here)) as talk:
        talk.say({"text": "hi"})
        until(lambda: here.intake.messages)
        assert why(asked(address(here), {"text": "ho"})).startswith("no more can be taken now")


def test_a_door_may_be_opened_again_at_once(door: Open) -> None:
    here = door()
    asked(address(here), {"text": "hi"})
    port = address(here).port
    here.leave()
    assert asked(address(door(port=port)), {"text": "hi"})["ok"] is True


# --- who may come in


def test_a_socket_file_is_its_owners_alone(door: Open, tmp_path: Path) -> None:
    path = str(tmp_path / "door")
    here = door(unix=path)
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert asked(address(here), {"text": "hi"})["result"] == {"text": "HI"}
    here.leave()
    assert not os.path.exists(path)


def test_what_a_killed_life_left_is_no_hindrance(door: Open, tmp_path: Path) -> None:
    path = str(tmp_path / "door")
    listen(Address("", 0, path)).close()
    assert os.path.exists(path)
    assert asked(address(door(unix=path)), {"text": "hi"})["ok"] is True


@pytest.mark.parametrize("what", ["another door", "a file", "a long name"])
def test_a_socket_file_that_cannot_be_is_said_so(tmp_path: Path, what: str) -> None:
    path = tmp_path / ("door" if what != "a long name" else "d" * 200)
    taken = listen(Address("", 0, str(path))) if what == "another door" else None
    if what == "a file":
        path.write_text("precious")
    with pytest.raises(ServiceError, match=r"the socket cannot listen on .*d"):
        listen(Address("", 0, str(path)))
    if what == "a file":
        assert path.read_text() == "precious"
    if taken is not None:
        taken.close()


def test_a_port_that_is_taken_is_said_so(door: Open) -> None:
    port = address(door()).port
    with pytest.raises(ServiceError, match=f"cannot listen on 127.0.0.1:{port} .*`port`"):
        asyncio.run(JsonServer(port=port).start())


def test_a_token_is_shown_once_a_connection(door: Open) -> None:
    here = door(token="swordfish")
    with Talk(address(here)) as talk:
        assert talk.ask({"text": "hi", "token": "swordfish"})["result"] == {"text": "HI"}
        assert talk.ask({"text": "ho"})["result"] == {"text": "HO"}
    assert all("token" not in message for message in here.intake.messages)


@pytest.mark.parametrize("token", [None, "", "sword", 5, "swordfishes"])
def test_without_the_token_nothing_is_heard(door: Open, token: object) -> None:
    here = door(token="swordfish")
    with Talk(address(here)) as talk:
        talk.say({"text": "hi", "token": token}, {"text": "hi", "token": "swordfish"})
        assert why(talk.hear()) == "the first document has no `token`, or a wrong one"
        assert talk.hear() is None
    assert here.intake.messages == []


def test_where_rules_are_nobody_says_who_they_are_without_a_token(door: Open) -> None:
    here = door(acl=[{"allow": "*"}])
    assert why(asked(address(here), {"text": "hi", "user": "root"})).startswith("`user` is heard")
    assert asked(address(here), {"text": "hi"})["ok"] is True
    known = door(acl=[{"allow": "*"}], token="t")
    assert asked(address(known), {"text": "hi", "user": "ada", "token": "t"})["ok"] is True
    assert known.intake.messages[0]["user_name"] == "ada"


def test_a_bot_is_guarded_against_who_says_too_much(door: Open) -> None:
    here = door(has_shell=True, flood={"commands": 1})
    assert asked(address(here), {"text": "hi"})["ok"] is True
    assert why(asked(address(here), {"text": "ho"})).startswith("more than 1 commands")
    assert len(here.intake.messages) == 1


def test_a_door_for_all_is_warned_about(door: Open, capsys: pytest.CaptureFixture[str]) -> None:
    door(host="0.0.0.0")
    assert "caution: others can reach it" in capsys.readouterr().out
    door(host="0.0.0.0", token="t")
    door()
    assert "caution" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "kwargs",
    [
        {"framing": "lines"},
        {"compat": "ryu"},
        {"compat": "ryuso", "framing": "length"},
        {"token": ""},
    ],
)
def test_what_cannot_be_meant_is_refused_when_it_is_made(kwargs: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="socket"):
        JsonServer(**kwargs)


def test_a_certificate_that_is_none_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="certificate"):
        JsonServer(certificate=str(tmp_path / "none"))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of our own for localhost, with its key in the same file."""
    x509 = pytest.importorskip("cryptography.x509", reason="the extra 'secrets' is not installed")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    kinds = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    private = key.private_bytes(serialization.Encoding.PEM, *kinds)
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return path


def test_tls_keeps_what_is_said_to_ourselves(door: Open, certificate: Path) -> None:
    here = door(certificate=str(certificate))
    context = ssl.create_default_context(cafile=str(certificate))
    with context.wrap_socket(dialled(address(here)), server_hostname="localhost") as client:
        client.sendall(b'{"text": "%s"}\n' % (b"x" * 200_000))
        reply = json.loads(client.makefile("rb").readline())
        assert reply["result"] == {"text": "X" * 200_000}


def test_who_talks_plainly_to_tls_is_not_heard(door: Open, certificate: Path) -> None:
    here = door(certificate=str(certificate))
    with contextlib.suppress(ConnectionResetError), dialled(address(here)) as client:
        client.sendall(b'{"text": "hi"}\n')
        assert b"HI" not in rest(client)
    assert here.intake.messages == []


def test_with_a_client_ca_only_its_clients_are_heard(door: Open, certificate: Path) -> None:
    here = door(certificate=str(certificate), client_ca=str(certificate), acl=[{"allow": "*"}])
    context = ssl.create_default_context(cafile=str(certificate))
    with context.wrap_socket(dialled(address(here)), server_hostname="localhost") as client:
        client.sendall(b'{"text": "hi"}\n')
        with contextlib.suppress(OSError):  # a reset, or what TLS says of it
            assert client.recv(100) == b""
    assert here.intake.messages == []
    context.load_cert_chain(str(certificate))
    with context.wrap_socket(dialled(address(here)), server_hostname="localhost") as client:
        client.sendall(b'{"text": "hi", "user": "ada"}\n')
        assert json.loads(client.makefile("rb").readline())["result"] == {"text": "HI"}


# --- clients of ryuso


FAILED = {
    "ok": False,
    "error": {"step": "ship", "text": "ValueError: no ship"},
    "trace": [
        {"step": "reserve", "kind": "run", "began": 1.0, "took": 0.5, "how": "done"},
        {"step": "ship", "kind": "run", "began": 2.0, "took": 0.5, "how": "failed"},
        {"step": "release", "kind": "undo", "began": 3.0, "took": 0.5, "how": "done"},
    ],
}


def replying(document: dict[str, Any]) -> Callable[[Message], dict[str, str]]:
    return lambda _: {"body": json.dumps(document), "_outcome": "done"}


def from_ryuso(here: DoorHere, data: bytes) -> Any:
    """A client as there are: it sends all at once, does not half-close, and reads to the end."""
    with dialled(address(here)) as client:
        client.sendall(data)
        return json.loads(rest(client))


def test_ryusos_clients_get_the_outputs_alone(door: Open) -> None:
    result = {"order": "check|reserve", "note": "none"}
    here = door(replying({"ok": True, "result": result}), programs=BUY, compat="ryuso")
    asked_for = {"program": "buy", "data_pool": {"item": "x"}, "metadata": {}, "other": 1}
    assert from_ryuso(here, json.dumps(asked_for, indent=4).encode()) == result
    assert asked(address(here), asked_for) == result


def test_ryusos_clients_are_told_of_a_failure_as_they_expect(door: Open) -> None:
    here = door(replying(FAILED), programs=BUY, compat="ryuso")
    metadata = {"who": "me", "program_fail": False, "rectifier_fail": True, "traceback": []}
    before = time.time() * 1000 - 1
    reply = asked(address(here), {"program": "buy", "data_pool": {}, "metadata": metadata})
    assert before <= reply.pop("_program_time_start") <= time.time() * 1000
    assert reply == {
        "_traceback": ["reserve", "ship", "release"],
        "_program_fail": True,
        "_rectifier_fail": False,
        "_dependency_fail": False,
        "_last_failed_program": "ship",
        "_program_name": "buy",
        "_error": "ValueError: no ship",
        "_who": "me",
    }


def test_ryusos_clients_get_what_outputs_there_are_beside_a_failure(door: Open) -> None:
    outputs = {
        "order": "string",
        "note": {"type": "string", "default": "none"},
        "when": {"type": "datetime", "default": "2024-01-01T00:00:00+00:00"},
    }
    programs = plans("buy", outputs=outputs)
    here = door(replying(FAILED), programs=programs, compat="ryuso")
    reply = asked(address(here), {"program": "buy", "data_pool": {}})
    assert {name for name in reply if not name.startswith("_")} == {"note", "when"}
    assert (reply["note"], reply["when"]) == ("none", "2024-01-01T00:00:00+00:00")
    set_by_then = {"order": "reserve", "note": "late"}
    here = door(replying({**FAILED, "outputs": set_by_then}), programs=programs, compat="ryuso")
    reply = asked(address(here), {"program": "buy", "data_pool": {}})
    assert set_by_then.items() <= reply.items()
    assert reply["_program_fail"] is True


def test_ryusos_clients_are_told_whether_a_need_or_an_undo_failed(door: Open) -> None:
    error = {"kind": "step", "step": "check", "text": "x"}
    failed = {"ok": False, "error": error, "left": ["release (of reserve)"]}
    here = door(replying(failed), programs=BUY, compat="ryuso")
    reply = asked(address(here), {"program": "buy", "data_pool": {}})
    assert (reply["_dependency_fail"], reply["_rectifier_fail"]) == (True, True)
    assert reply["_left"] == ["release (of reserve)"]


def test_ryusos_clients_are_told_of_a_request_that_the_program_refuses(door: Open) -> None:
    refused = {"ok": False, "error": {"kind": "request", "step": "", "text": "no"}, "trace": []}
    here = door(replying(refused), programs=BUY, compat="ryuso")
    assert asked(address(here), {"program": "buy"}) == {"_server_error": "no"}


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"hello", "Message provided was not valid JSON"),
        (b'{"program": }', "Message provided was not valid JSON"),
        (b"\xff\xfe", "Could not decode the message provided"),
        (b'{"program": "nope"}', "no such program as 'nope'; there are buy"),
        (b'{"program": "buy", "data_pool": null}', "`data_pool` is null; it has to be an object"),
        (b"[]", "the document is a list; it has to be an object"),
    ],
)
def test_ryusos_clients_are_told_what_is_wrong(door: Open, data: bytes, error: str) -> None:
    here = door(run, programs=BUY, compat="ryuso")
    assert from_ryuso(here, data) == {"_server_error": error}
    assert from_ryuso(here, b'{"program": "buy", "data_pool": {}}')["program"] == "buy"
