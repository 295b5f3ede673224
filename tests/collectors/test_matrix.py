import asyncio
import base64
import contextlib
import json
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest

pytest.importorskip("nio", reason="the extra 'matrix' is not installed")

from botcannon_core.chat.backoff import Backoff
from botcannon_core.collectors.matrix import Matrix, link, news
from botcannon_core.collectors.matrix.event import said_in
from botcannon_core.collectors.matrix.markup import formatted, plain
from botcannon_core.errors import ServiceError, UsageError
from botcannon_core.ledger.memory import Memory, forgetful
from botcannon_core.message import Message, checked_fields
from tests.collectors.door_here import DoorHere
from tests.collectors.synapse_world import SERVER, Person, Synapse, synapse, until
from tests.story.cannon_here import project

pytestmark = pytest.mark.timeout(400)  # the first test on a machine installs Synapse

Join = Callable[..., DoorHere]


def echo(message: Message) -> dict[str, str]:
    return {"text": f"you said {message['text']}", "_outcome": "done"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synapse]:
    with synapse(tmp_path_factory.mktemp("synapse")) as running:
        yield running


@pytest.fixture
def bot(server: Synapse) -> Person:
    return Person(server, "bot")


@pytest.fixture
def ann(server: Synapse) -> Person:
    return Person(server, "ann")


@pytest.fixture
def join(server: Synapse, bot: Person) -> Iterator[Join]:
    """Has the bot come, without long waits."""
    with contextlib.ExitStack() as stack:

        def make(answer: Any = echo, **kwargs: Any) -> DoorHere:
            given = {"server": server.url, "user": bot.name, "password": bot.password, **kwargs}
            door = Matrix(**given)
            door._pause = 0.0
            door._link._backoff = Backoff(0.01, 0.05)
            return stack.enter_context(DoorHere(door, answer))

        yield make


def in_step(door: DoorHere) -> DoorHere:
    until(lambda: door.collector._bookmark.since or door.error, "it has read for the first time")
    assert door.error is None
    return door


def together(ann: Person, bot: Person, **more: Any) -> str:
    """A room in which both are."""
    room = ann.makes_room(bot, **more)
    ann.waits_for(bot, room)
    return room


def heard(door: DoorHere) -> list[str]:
    return [message["text"] for message in door.intake.messages]


# --- what comes in, what goes out


def test_a_direct_message_is_answered_in_place(ann: Person, bot: Person, join: Join) -> None:
    door = in_step(join())
    room = together(ann, bot, is_direct=True)
    event_id = ann.says(room, "users list")
    assert ann.is_told(room, bot) == ["you said users list"]
    (message,) = door.intake.messages
    assert checked_fields(message, "matrix") == {
        "text": "users list",
        "user": ann.id,
        "user_name": ann.name,
        "room": room,
        "channel": room,
        "direct": "1",
        "event_id": event_id,
        "network": "matrix",
    }
    (event,) = ann.sees(room, bot)
    assert event["content"]["msgtype"] == "m.notice"
    assert event["content"]["m.mentions"] == {}


def test_in_a_room_it_hears_what_is_said_to_it(ann: Person, bot: Person, join: Join) -> None:
    door = in_step(join())
    room = together(ann, bot, name="ops", room_alias_name=f"ops-{bot.name}")
    pill = f'<a href="https://matrix.to/#/{bot.id}">the bot</a>'
    for text, more in (
        ("lunch?", {}),
        (f"hey {bot.name} is nice", {}),
        (f"@{bot.name}:else.where deploy", {}),
        (f"{bot.name}: one", {}),
        (f"@{bot.name} two", {}),
        (f"{bot.id} three", {}),
        ("!four", {}),
        ("the bot: five", {"format": "org.matrix.custom.html", "formatted_body": f"{pill}: five"}),
        (f"[bot](https://matrix.to/#/{quote(bot.id)}) six", {}),
    ):
        ann.says(room, text, **more)
    ann.is_told(room, bot, 6)
    assert heard(door) == ["one", "two", "three", "four", "five", "six"]
    assert [m.get("mention") for m in door.intake.messages] == ["1", "1", "1", None, "1", "1"]
    alias = f"#ops-{bot.name}:{SERVER}"
    assert {(m["room"], m["channel"], m.get("direct")) for m in door.intake.messages} == {
        (alias, room, None)
    }


def test_its_shown_name_calls_it_too(ann: Person, bot: Person, join: Join) -> None:
    bot.ask("PUT", f"profile/{quote(bot.id)}/displayname", {"displayname": "Cannon Bot"})
    door = in_step(join())
    room = together(ann, bot, name="ops")
    ann.says(room, "Cannon Bot: deploy")
    ann.is_told(room, bot)
    assert heard(door) == ["deploy"]


def test_a_room_that_only_says_it_has_an_alias_goes_by_its_id(
    ann: Person, bot: Person, join: Join
) -> None:
    """Or whoever makes a room could have the rules of another one."""
    alias = f"#real-{bot.name}:{SERVER}"
    door = in_step(join())
    room = together(ann, bot, name="#ops", room_alias_name=f"real-{bot.name}")
    ann.ask("DELETE", f"directory/room/{quote(alias)}")
    ann.makes_room(room_alias_name=f"real-{bot.name}")
    ann.says(room, "!help")
    ann.is_told(room, bot)
    assert [m["room"] for m in door.intake.messages] == [room]


def test_notices_and_what_is_no_text_are_not_heard(ann: Person, bot: Person, join: Join) -> None:
    door = in_step(join())
    room = together(ann, bot, is_direct=True)
    ann.sends(room, {"msgtype": "m.notice", "body": "I am a bot, too"})
    ann.sends(room, {"msgtype": "m.emote", "body": "waves"})
    ann.sends(room, {"body": "!help"}, kind="com.example.odd")
    ann.says(room, "at last")
    assert ann.is_told(room, bot) == ["you said at last"]
    assert heard(door) == ["at last"]


def test_what_older_clients_quote_is_left_out(ann: Person, bot: Person, join: Join) -> None:
    door = in_step(join())
    room = together(ann, bot, is_direct=True)
    first = ann.says(room, "one")
    relation = {"m.in_reply_to": {"event_id": first}}
    quoted = f"> <{ann.id}> one\n> more\n\nusers list"
    ann.says(room, quoted, **{"m.relates_to": relation})
    ann.is_told(room, bot, 2)
    assert heard(door) == ["one", "users list"]


def test_an_answer_stays_in_its_thread(ann: Person, bot: Person, join: Join) -> None:
    in_step(join())
    room = together(ann, bot, is_direct=True)
    root = ann.says(room, "one")
    ann.is_told(room, bot)
    relation = {"rel_type": "m.thread", "event_id": root}
    second = ann.says(room, "two", **{"m.relates_to": relation})
    ann.is_told(room, bot, 2)
    placed = [e["content"].get("m.relates_to") for e in ann.sees(room, bot)]
    assert placed == [
        None,
        {**relation, "is_falling_back": True, "m.in_reply_to": {"event_id": second}},
    ]


def test_every_answer_may_begin_a_thread(ann: Person, bot: Person, join: Join) -> None:
    in_step(join(in_threads=True, notices=False))
    room = together(ann, bot, is_direct=True)
    root = ann.says(room, "one")
    ann.is_told(room, bot)
    (event,) = ann.sees(room, bot)
    assert event["content"]["m.relates_to"]["event_id"] == root
    assert event["content"]["msgtype"] == "m.text"


def test_a_private_answer_goes_into_a_room_for_two(ann: Person, bot: Person, join: Join) -> None:
    in_step(join(lambda m: {"text": "psst", "private": "1", "_outcome": "done"}))
    room = together(ann, bot, name="ops")
    ann.says(room, "!help")

    def invited() -> Any:
        return ann.syncs()["rooms"].get("invite")

    (direct,) = until(invited, "she is invited")
    ann.joins(direct)
    assert ann.is_told(direct, bot) == ["psst"]
    ann.says(room, "!help")
    assert ann.is_told(direct, bot, 2) == ["psst", "psst"]  # and not into a third one
    assert ann.sees(room, bot) == []


def test_a_long_answer_is_split_and_its_code_is_code(ann: Person, bot: Person, join: Join) -> None:
    """More pieces at once than the server takes, so that it tells us to wait."""
    lines = "\n".join(f"line {n} <&> äöü {'x' * 60}" for n in range(4_000))
    in_step(join(lambda _: {"text": f"```\n{lines}\n```", "_outcome": "done"}))
    room = together(ann, bot, is_direct=True)
    ann.says(room, "help")
    until(lambda: "line 3999 " in (ann.sees(room, bot) or [{"content": {"body": ""}}])[-1]
          ["content"]["body"], "the last piece is there")  # fmt: skip
    pieces = [e["content"] for e in ann.sees(room, bot)]
    assert len(pieces) > 30
    assert max(len(piece["body"].encode()) for piece in pieces) <= 8_000
    assert "".join(piece["body"] for piece in pieces).count("line ") == 4_000
    assert all(piece["formatted_body"].startswith("<pre><code>") for piece in pieces)
    assert "&lt;&amp;&gt;" in pieces[0]["formatted_body"]


def test_nothing_in_an_answer_calls_a_room(ann: Person, bot: Person, join: Join) -> None:
    in_step(join(lambda _: {"text": "@room!", "_outcome": "done"}))
    room = together(ann, bot, is_direct=True)
    ann.says(room, "help")
    assert ann.is_told(room, bot) == ["@\u200broom!"]


def test_a_parked_message_is_one_line_with_its_id(ann: Person, bot: Person, join: Join) -> None:
    parked = {"_outcome": "parked", "_error": "ValueError: no", "_error_id": "abc123"}
    in_step(join(lambda _: parked))
    room = together(ann, bot, is_direct=True)
    ann.says(room, "boom")
    assert ann.is_told(room, bot) == ["error: ValueError: no (log abc123)"]


def test_a_file_is_uploaded_to_where_it_was_asked_for(ann: Person, bot: Person, join: Join) -> None:
    content = b"\x89PNG\r\n\x00"
    file = {"file_name": "a.png", "file_base64": base64.b64encode(content).decode()}
    in_step(join(lambda _: {**file, "text": "here", "_outcome": "done"}))
    room = together(ann, bot, is_direct=True)
    root = ann.says(room, "one")
    relation = {"rel_type": "m.thread", "event_id": root}
    ann.says(room, "plot", **{"m.relates_to": relation})
    assert ann.is_told(room, bot, 4) == ["here", "a.png", "here", "a.png"]
    shown = ann.sees(room, bot)[-1]["content"]
    assert (shown["msgtype"], shown["info"]) == ("m.image", {"size": 7, "mimetype": "image/png"})
    assert shown["m.relates_to"]["event_id"] == root
    assert shown["url"].startswith(f"mxc://{SERVER}/")


def test_a_file_that_the_server_does_not_take_is_said_to_be(
    ann: Person, bot: Person, join: Join
) -> None:
    large = base64.b64encode(bytes(200_000)).decode()
    in_step(join(lambda _: {"file_name": "a", "file_base64": large, "_outcome": "done"}))
    room = together(ann, bot, is_direct=True)
    ann.says(room, "plot")
    assert ann.is_told(room, bot, 2)[-1] == "a could not be sent (M_TOO_LARGE)"


def test_an_answer_that_is_brought_again_is_said_once(ann: Person, bot: Person, join: Join) -> None:
    door = in_step(join(None))
    room = together(ann, bot, is_direct=True)
    asked = {"text": "hi", "channel": room, "network": "matrix", "_outcome": "done"}
    for _ in range(2):
        door.call("taskback", Message(asked, "1-0", "chat"))
    door.call("taskback", Message({**asked, "text": "next"}, "2-0", "chat"))
    assert ann.is_told(room, bot, 2) == ["hi", "next"]


def test_what_was_asked_through_another_door_is_left_alone(
    ann: Person, bot: Person, join: Join
) -> None:
    door = in_step(join())
    room = together(ann, bot, is_direct=True)
    other = {"text": "hi", "channel": room, "network": "irc", "_outcome": "done"}
    door.call("taskback", Message(other, "1-0"))
    door.call("note", Message({**other, "_note": "1 %"}, "1-0"))
    ann.says(room, "one")
    assert ann.is_told(room, bot) == ["you said one"]


# --- invitations, encryption


def test_it_goes_only_where_somebody_invites_it_who_may(
    server: Synapse, ann: Person, bot: Person, join: Join
) -> None:
    bob = Person(server, "bob")
    in_step(join(invites=[ann.id]))
    no = bob.makes_room(bot)
    yes = together(ann, bot)
    path = f"rooms/{quote(no)}/state/m.room.member/{quote(bot.id)}"
    until(lambda: bob.ask("GET", path)["membership"] == "leave", "the other one is refused")
    ann.says(yes, "hello")
    assert ann.is_told(yes, bot) == ["you said hello"]


def test_an_invitation_while_it_was_away_is_found(ann: Person, bot: Person, join: Join) -> None:
    room = ann.makes_room(bot, is_direct=True)
    in_step(join())
    ann.waits_for(bot, room)


def test_what_was_said_before_it_came_is_history(ann: Person, bot: Person, join: Join) -> None:
    door = in_step(join())
    room = ann.makes_room(name="ops")
    ann.says(room, "!before")
    ann.ask("POST", f"rooms/{quote(room)}/invite", {"user_id": bot.id})
    ann.waits_for(bot, room)
    ann.says(room, "!after")
    ann.is_told(room, bot)
    assert heard(door) == ["after"]


def test_in_an_encrypted_room_for_two_it_says_that_it_cannot_read(
    ann: Person, bot: Person, join: Join
) -> None:
    door = in_step(join())
    state = {"type": "m.room.encryption", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}
    room = together(ann, bot, is_direct=True, initial_state=[state])
    for n in range(2):
        secret = {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": f"x{n}", "session_id": "s"}
        ann.sends(room, secret, kind="m.room.encrypted")
    ann.says(room, "in the clear")
    told = ann.is_told(room, bot, 2)
    assert "cannot read encrypted" in told[0]
    assert told[1:] == ["you said in the clear"]
    assert heard(door) == ["in the clear"]


# --- edits, floods, notes


def test_an_edit_is_run_only_if_what_was_said_failed(ann: Person, bot: Person, join: Join) -> None:
    def answer(message: Message) -> dict[str, str]:
        failed = {"_outcome": "parked", "_error": "no"}
        return failed if "typo" in message["text"] else echo(message)

    door = in_step(join(answer))
    room = together(ann, bot, is_direct=True)
    fine, typo = ann.says(room, "pay 5"), ann.says(room, "typo")
    ann.is_told(room, bot, 2)
    ann.edits(room, fine, "pay 6")
    ann.edits(room, typo, "typo again")
    ann.is_told(room, bot, 3)
    ann.edits(room, typo, "mended")
    ann.is_told(room, bot, 4)
    ann.edits(room, typo, "spelt")
    ann.says(room, "last")
    ann.is_told(room, bot, 5)
    assert heard(door) == ["pay 5", "typo", "typo again", "mended", "last"]


def test_who_says_too_much_is_told_once_and_it_is_not_heard_again(
    ann: Person, bot: Person, join: Join
) -> None:
    memory = forgetful()
    door = in_step(join(flood={"commands": 2}, memory=memory))
    room = together(ann, bot, is_direct=True)
    for n in range(5):
        ann.says(room, f"cmd {n}")
    told = "error: more than 2 commands in a minute: I listen to you again in 5 minutes"
    assert sorted(ann.is_told(room, bot, 3)) == [told, "you said cmd 0", "you said cmd 1"]
    until(lambda: door.intake.turned_away == 3, "the others have come, and are not heard")
    until(lambda: not door.collector._bookmark._waiting, "all is done with")
    door.leave()
    later = in_step(join(memory=memory))
    ann.says(room, "more")
    ann.is_told(room, bot, 4)
    assert heard(later) == ["more"]


def test_each_who_says_too_much_is_told(
    server: Synapse, ann: Person, bot: Person, join: Join
) -> None:
    in_step(join(flood={"commands": 1}))
    bob = Person(server, "bob")
    room = together(ann, bot, name="ops")
    ann.ask("POST", f"rooms/{quote(room)}/invite", {"user_id": bob.id})
    bob.joins(room)
    for person in (ann, bob):
        for text in ("!one", "!two", "!three"):
            person.says(room, text)
    said = ann.is_told(room, bot, 4)
    assert [text[:5] for text in sorted(said)] == ["error", "error", "you s", "you s"]


def test_a_note_is_changed_and_taken_back_when_the_answer_is_there(
    ann: Person, bot: Person, join: Join
) -> None:
    door = in_step(join(None))
    room = together(ann, bot, is_direct=True)
    asked = {"text": "build", "channel": room, "network": "matrix"}
    for how_far in ("10 %", "20 %"):
        door.call("note", Message({**asked, "_note": how_far}, "1-0"))
    first, change = (e["content"] for e in ann.sees(room, bot))
    assert (first["body"], change["m.new_content"]["body"]) == ("… 10 %", "… 20 %")
    door.call("taskback", Message({**asked, "text": "built", "_outcome": "done"}, "1-0"))
    gone, *_, last = ann.sees(room, bot)
    assert (gone["content"], last["content"]["body"]) == ({}, "built")


# --- being away


def remembered(memory: Memory) -> Any:
    return json.loads(memory.get("matrix") or "{}")


def test_it_goes_on_where_an_earlier_life_ended(
    ann: Person, bot: Person, join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(link.FILTER["room"]["timeline"], "limit", 5)
    for module in (link, news):
        monkeypatch.setattr(module, "MOST_EVENTS", 5)
    memory = forgetful()
    first = in_step(join(memory=memory))
    room = together(ann, bot, is_direct=True)
    ann.says(room, "one")
    ann.is_told(room, bot)
    until(lambda: not first.collector._bookmark._waiting, "it is stored")
    first.leave()
    for n in range(12):  # more than the server tells by itself, and more than a page
        ann.says(room, f"said {n}")
    second = join(memory=memory)
    ann.says(room, "last")
    until(lambda: "last" in heard(second), "the last is heard")
    assert heard(first) == ["one"]
    assert heard(second) == [*(f"said {n}" for n in range(12)), "last"]


def test_what_was_not_stored_is_heard_again_and_nothing_else(
    ann: Person, bot: Person, join: Join
) -> None:
    memory = forgetful()
    first = in_step(join(None, memory=memory))
    room = together(ann, bot, is_direct=True)
    real = first.collector.stored

    async def stored(message: Message) -> None:
        if message["text"] != "one":
            await asyncio.Event().wait()
        await real(message)

    first.collector.stored = stored
    for text in ("one", "two"):
        ann.says(room, text)
    until(lambda: len(heard(first)) == 2, "both are heard")
    first.leave()
    second = in_step(join(None, memory=memory))
    until(lambda: heard(second), "the other one is heard again")
    ann.says(room, "three")
    until(lambda: "three" in heard(second), "the third is heard")
    assert heard(second) == ["two", "three"]


def test_a_first_start_reads_no_history(ann: Person, bot: Person, join: Join) -> None:
    room = ann.makes_room(bot, is_direct=True)
    bot.joins(room)
    ann.says(room, "before")
    door = in_step(join())
    ann.says(room, "after")
    ann.is_told(room, bot)
    assert heard(door) == ["after"]


def test_catching_up_can_be_left_out(ann: Person, bot: Person, join: Join) -> None:
    memory = forgetful()
    first = in_step(join(memory=memory))
    room = together(ann, bot, is_direct=True)
    first.leave()
    ann.says(room, "while it was away")
    second = in_step(join(memory=memory, catch_up=0))
    ann.says(room, "now")
    ann.is_told(room, bot)
    assert heard(second) == ["now"]


def test_a_place_that_the_server_has_forgotten_is_a_new_beginning(
    ann: Person, bot: Person, join: Join
) -> None:
    memory = forgetful()
    memory.put("matrix", json.dumps({"me": bot.id, "since": "no-such-place", "done": []}), 60)
    door = join(memory=memory)
    until(lambda: remembered(memory)["since"] != "no-such-place", "it has begun anew")
    room = together(ann, bot, is_direct=True)
    ann.says(room, "one")
    ann.is_told(room, bot)
    assert heard(door) == ["one"]


def test_a_server_that_goes_away_is_waited_for(
    server: Synapse, ann: Person, bot: Person, join: Join, caplog: pytest.LogCaptureFixture
) -> None:
    door = in_step(join())
    room = together(ann, bot, is_direct=True)
    ann.says(room, "one")
    ann.is_told(room, bot)
    server.stop()
    until(lambda: "did not take sync" in caplog.text, "it has seen that")
    server.start()
    ann.says(room, "two")
    assert ann.is_told(room, bot, 2)[-1] == "you said two"
    assert heard(door) == ["one", "two"]


# --- logging in


def test_a_token_logs_in_too(ann: Person, bot: Person, join: Join) -> None:
    in_step(join(user="", password="", token=bot.token))
    room = together(ann, bot, is_direct=True)
    ann.says(room, "one")
    assert ann.is_told(room, bot) == ["you said one"]


def test_its_next_life_is_the_same_device(bot: Person, join: Join) -> None:
    for _ in range(2):
        in_step(join()).leave()
    names = [d.get("display_name") for d in bot.ask("GET", "devices")["devices"]]
    assert names.count("botcannon") == 1


def test_a_login_that_has_run_out_is_renewed(ann: Person, bot: Person, join: Join) -> None:
    in_step(join())
    room = together(ann, bot, is_direct=True)
    bot.ask("POST", "logout/all")
    ann.says(room, "one")
    assert ann.is_told(room, bot) == ["you said one"]


@pytest.mark.parametrize(
    ("kwargs", "said"),
    [
        ({"password": "s3cret"}, "(M_FORBIDDEN): check `user` and `password`"),
        ({"user": "", "password": "", "token": "s3cret"}, "(M_UNKNOWN_TOKEN): check `token`"),
    ],
)
def test_a_refused_account_ends_it_at_once(join: Join, kwargs: dict[str, str], said: str) -> None:
    door = join(**kwargs)
    door.wait()
    assert isinstance(door.error, ServiceError)
    assert said in str(door.error)
    assert "s3cret" not in repr(door.error)


def test_a_token_that_is_revoked_later_ends_it_too(bot: Person, join: Join) -> None:
    door = in_step(join(user="", password="", token=bot.token))
    bot.ask("POST", "logout/all")
    door.wait()
    assert "M_UNKNOWN_TOKEN" in str(door.error)


@pytest.mark.parametrize(
    "kwargs",
    [
        {"server": "matrix.example.org"},
        {"server": "https://ann:pass@example.org"},
        {"password": ""},
        {"user": ""},
        {"token": "x"},
        {"invites": "*"},
    ],
)
def test_what_is_no_account_is_refused(kwargs: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="Matrix"):
        Matrix(**{"server": "https://example.org", "user": "u", "password": "p", **kwargs})


def test_without_its_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, link.__name__)
    monkeypatch.setitem(sys.modules, "nio", None)
    with pytest.raises(UsageError, match=r"into app/requirements.txt"):
        Matrix("https://example.org", "u", "p")


def test_no_log_line_holds_a_secret(
    ann: Person, bot: Person, join: Join, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    in_step(join())
    bot.ask("POST", "logout/all")
    room = together(ann, bot, is_direct=True)
    ann.says(room, "one")
    ann.is_told(room, bot)
    assert "syt_" not in caplog.text  # how the server's tokens begin
    assert bot.password not in caplog.text


# --- the pure parts

ME, NAMES = "@cannon:here.org", ["cannon:here.org", "cannon", "The Bot"]


def pill(user: str, label: str) -> str:
    return f'<a href="https://matrix.to/#/{user}">{label}</a>'


@pytest.mark.parametrize(
    ("text", "html", "typed"),
    [
        ("The Bot: go", f"{pill(ME, 'The Bot')}: go", f"{ME}: go"),
        ("a &amp; b: go", f"{pill(ME, 'a &amp;amp; b')}: go", f"{ME}: go"),
        ("cannon: go", pill("@cannon:else.org", "cannon"), "<@cannon:else.org>: go"),
        ("greet Ann", f"greet {pill('@ann:here.org', 'Ann')}", "greet Ann"),
        ("[x](https://matrix.to/#/%40cannon%3Ahere.org) go", "", f"{ME} go"),
        ("@cannon:else.org: go", "", "<@cannon:else.org>: go"),
        ("@cannon: go", "", "@cannon: go"),
        ("@cannon:go", "", "@cannon:go"),
        ("invite @ann:here.org", "", "invite @ann:here.org"),
    ],
)
def test_markup_becomes_what_was_typed(text: str, html: str, typed: str) -> None:
    assert plain(text, html, ME, NAMES) == typed


def test_only_code_needs_html() -> None:
    assert formatted("a < b") is None
    text = "see\n```python\nif a < b:\n    c\n```\ndone\n```\nd\n```"
    assert formatted(text) == (
        "see<pre><code>if a &lt; b:\n    c</code></pre>done<pre><code>d</code></pre>"
    )


@pytest.mark.parametrize("event", [None, 7, {}, {"type": "m.room.message", "content": "x"}])
def test_an_event_of_another_shape_says_nothing(event: Any) -> None:
    assert said_in(event, "!r", ME) is None


def test_half_a_character_does_not_reach_the_store() -> None:
    content = {"msgtype": "m.text", "body": "a\ud800"}
    event = {"type": "m.room.message", "event_id": "$1", "sender": "@a:b", "content": content}
    said = said_in(event, "!r", ME)
    assert said is not None
    assert said.text == "a?"


# --- with real processes

SERVICE = """
collector: {file: matrix, entry: Matrix, conf: {kwargs: KWARGS}}
tasks: [{file: shout, entry: Shout}]
"""
SHOUT = """
class Shout:
    def task(self, message, results):
        return {"text": message["text"].upper()}
"""


@pytest.mark.story
def test_messages_are_answered_through_up_also_those_between_two_lives(
    server: Synapse, ann: Person, bot: Person
) -> None:
    kwargs = json.dumps({"server": server.url, "user": bot.name, "password": bot.password})
    room = ann.makes_room(bot, is_direct=True)
    with project(SERVICE.replace("KWARGS", kwargs)) as here:
        (here.folder / "app" / "shout.py").write_text(SHOUT)
        here.up()
        ann.waits_for(bot, room)
        ann.says(room, "pay")
        assert ann.is_told(room, bot) == ["PAY"]
        here.signal(15)
        assert here.code() == 143
        ann.says(room, "anybody")
        here.up()
        assert ann.is_told(room, bot, 2) == ["PAY", "ANYBODY"]
