import base64
import contextlib
import json
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("websockets", reason="the extra 'rocketchat' is not installed")
pytest.importorskip("uvicorn", reason="the fake Rocket.Chat needs the extra 'webhook'")

from botcannon_core.chat.answer import MOST_FILE_BYTES
from botcannon_core.chat.backoff import Backoff
from botcannon_core.collectors.rocketchat import RocketChat
from botcannon_core.collectors.rocketchat.event import Room, said_in, seconds
from botcannon_core.errors import ServiceError, UsageError
from botcannon_core.ledger.memory import forgetful
from botcannon_core.message import Message, checked_fields
from tests.collectors.door_here import DoorHere
from tests.collectors.rocketchat_here import ME, PASSWORD, TOKEN, USER, RocketChatHere
from tests.story.cannon_here import project

Join = Callable[..., DoorHere]

WRITTEN = ("chat.postMessage", "chat.update", "chat.delete")


def echo(message: Message) -> dict[str, str]:
    return {"text": f"you said {message['text']}", "_outcome": "done"}


@pytest.fixture
def chat() -> Iterator[RocketChatHere]:
    with RocketChatHere() as here:
        yield here


@pytest.fixture
def join(chat: RocketChatHere) -> Iterator[Join]:
    """Has a bot join, without long waits."""
    with contextlib.ExitStack() as stack:

        def make(answer: Any = echo, **kwargs: Any) -> DoorHere:
            bot = RocketChat(**{"url": chat.url, "user": USER, "password": PASSWORD, **kwargs})
            bot._pause = 0.0
            bot._link._backoff = Backoff(0.01, 0.05)
            bot._rest._backoff = Backoff(0.01, 0.05)
            return stack.enter_context(DoorHere(bot, answer))

        yield make


def ready(chat: RocketChatHere, join: Join, *args: Any, **kwargs: Any) -> DoorHere:
    links = chat.links
    door = join(*args, **kwargs)
    chat.wait_for_link(links + 1)
    return door


# --- what comes in, what goes out


def test_a_direct_message_is_answered_in_place(chat: RocketChatHere, join: Join) -> None:
    door = ready(chat, join)
    chat.say("users list", room="BOTU1")
    assert chat.posts(1) == ["you said users list"]
    assert chat.posted()[0]["roomId"] == "BOTU1"
    (message,) = door.intake.messages
    assert checked_fields(message, "rocketchat") == {
        "text": "users list",
        "user": "U1",
        "user_name": "U1",
        "room": "BOTU1",
        "channel": "BOTU1",
        "direct": "1",
        "event_id": "m1",
        "network": "rocketchat",
    }


@pytest.mark.parametrize(
    ("text", "heard", "mention"),
    [
        ("@cannon deploy prod", "deploy prod", "1"),
        ("cannon: deploy prod", "deploy prod", "1"),
        ("!deploy prod", "deploy prod", None),
        ("@cannon", "help", "1"),
        ("[ ](https://chat.example.org/channel/ops?msg=x) @cannon deploy", "deploy", "1"),
        ("@cannon ```\ndeploy prod\n```", "```\ndeploy prod\n```", "1"),
    ],
)
def test_in_a_room_it_hears_what_is_said_to_it(
    chat: RocketChatHere, join: Join, text: str, heard: str, mention: str | None
) -> None:
    door = ready(chat, join)
    chat.say(text)
    chat.posts(1)
    (message,) = door.intake.messages
    assert (message["text"], message.get("mention")) == (heard, mention)
    assert (message["room"], message["channel"], message.get("direct")) == ("#ops", "R1", None)


def test_what_is_not_meant_for_it_is_not_answered(chat: RocketChatHere, join: Join) -> None:
    door = ready(chat, join)
    chat.say("lunch?")
    chat.say("hey @cannon is nice")
    chat.say("@cannonball deploy")
    chat.say("help", room="BOTU1", user=ME)
    chat.say("!help", user="UOTHERBOT")
    chat.say("!help", bot={"i": "an integration"})
    chat.say("!help", t="uj")
    chat.say("help", room="UAUBOTUC")  # a room of three
    chat.tell_of({**chat.say("lunch"), "_id": "mx", "msg": "!pay"}, is_in=False)
    chat.tell(msg="changed", collection="users", id="x")
    chat.tell(msg="changed", fields={"args": "?"})
    chat.tell(msg="changed", fields={"args": [7, {"roomParticipant": True}]})
    chat.mumble("no JSON")
    chat.mumble("[]")
    chat.say("at last", room="BOTU1")
    assert chat.posts(1) == ["you said at last"]
    assert [m["text"] for m in door.intake.messages] == ["at last"]


def test_a_message_that_is_told_again_is_done_once(chat: RocketChatHere, join: Join) -> None:
    door = ready(chat, join)
    message = chat.say("!pay")
    chat.tell_of(message, reactions={":+1:": {"usernames": ["u2"]}})
    chat.tell_of(message, tcount=1)
    chat.say("!help")
    chat.posts(2)
    assert [m["text"] for m in door.intake.messages] == ["pay", "help"]


def test_an_old_message_that_somebody_likes_is_not_done(chat: RocketChatHere, join: Join) -> None:
    door = ready(chat, join)
    old = {**chat.say("!pay", room="R9"), "_id": "old", "rid": "R1"}
    old["ts"] = {"$date": old["ts"]["$date"] - 3_600_000}
    chat.tell_of(old, reactions={":+1:": {"usernames": ["u2"]}})
    chat.say("!help")
    chat.posts(2)
    assert [m["text"] for m in door.intake.messages] == ["pay", "help"]
    assert [m["channel"] for m in door.intake.messages] == ["R9", "R1"]


def test_an_answer_stays_in_its_thread(chat: RocketChatHere, join: Join) -> None:
    ready(chat, join)
    chat.say("!help", tmid="m0")
    chat.say("!help")
    chat.posts(2)
    assert [post.get("tmid") for post in chat.posted()] == ["m0", None]


def test_every_answer_may_begin_a_thread(chat: RocketChatHere, join: Join) -> None:
    ready(chat, join, in_threads=True)
    message = chat.say("!help")
    chat.posts(1)
    assert chat.posted()[0]["tmid"] == message["_id"]


def test_a_private_answer_goes_into_a_direct_message(chat: RocketChatHere, join: Join) -> None:
    ready(chat, join, lambda m: {"text": "psst", "private": "1", "_outcome": "done"})
    chat.say("!help", tmid="m0")
    chat.posts(1)
    assert chat.posted()[0] == {"roomId": "dm-u1", "text": "psst"}
    chat.say("help", room="BOTU1")  # nobody else is there
    chat.posts(2)
    assert chat.posted()[1]["roomId"] == "BOTU1"


def test_a_parked_message_is_one_line_with_its_id(chat: RocketChatHere, join: Join) -> None:
    parked = {"_outcome": "parked", "_error": "ValueError: no", "_error_id": "abc123"}
    ready(chat, join, lambda _: parked)
    chat.say("!boom")
    assert chat.posts(1) == ["error: ValueError: no (log abc123)"]


def test_an_answer_without_text_posts_nothing(chat: RocketChatHere, join: Join) -> None:
    door = ready(chat, join)
    quiet = {"text": "x", "network": "rocketchat", "_outcome": "skipped"}
    door.call("taskback", Message(quiet, "1-0"))
    assert chat.posted() == []


def test_nothing_in_an_answer_calls_everybody(chat: RocketChatHere, join: Join) -> None:
    ready(chat, join, lambda _: {"text": "@all @here\x1b[31m!", "_outcome": "done"})
    chat.say("!help")
    assert chat.posts(1) == ["@\u200ball @\u200bhere!"]


def test_a_long_answer_is_split_at_lines(chat: RocketChatHere, join: Join) -> None:
    lines = "\n".join(f"line {n} <&>" for n in range(600))
    ready(chat, join, lambda _: {"text": f"```\n{lines}\n```", "_outcome": "done"})
    chat.say("!help")
    chat.until(lambda: "line 599 " in (chat.posts(1)[-1]), "the last piece is there")
    pieces = chat.posts(1)
    assert max(map(len, pieces)) <= 4_900
    assert all(piece.startswith("```") and piece.endswith("```") for piece in pieces)
    assert "".join(pieces).count("line ") == 600


@pytest.mark.parametrize("is_old", [False, True])
def test_a_file_is_sent_to_where_it_was_asked_for(
    chat: RocketChatHere, join: Join, is_old: bool
) -> None:
    chat.is_old = is_old
    content = b"\x89PNG\r\n--\x00"
    file = {"file_name": 'a".png', "file_base64": base64.b64encode(content).decode()}
    ready(chat, join, lambda _: {**file, "text": "here", "_outcome": "done"})
    chat.say("!plot", tmid="m0")
    last = "rooms.upload/R1" if is_old else "rooms.mediaConfirm/R1/F1"
    chat.until(lambda: chat.calls[-1][0] == last, "it is sent")
    words = chat.calls[-1][1]
    assert chat.files[-1] == content
    assert '"tmid"\r\n\r\nm0' in words["fields"] if is_old else words == {"tmid": "m0"}
    sent = next(words for method, words in chat.calls if method.startswith("rooms.m"))
    assert 'filename="a_.png"' in sent["file"]
    assert chat.posts(1) == ["here"]


def test_a_file_that_cannot_be_sent_is_said_to_be(chat: RocketChatHere, join: Join) -> None:
    ready(chat, join, lambda _: {"file_name": "a", "file_base64": "aGk=", "_outcome": "done"})
    chat.refuse("rooms.media/R1", "error-invalid-file-type")
    chat.say("!plot")
    assert chat.posts(2)[-1] == "a could not be sent (error-invalid-file-type)"


def test_a_file_that_is_too_large_is_said_to_be(chat: RocketChatHere, join: Join) -> None:
    large = base64.b64encode(bytes(MOST_FILE_BYTES + 1)).decode()
    ready(chat, join, lambda _: {"file_name": "a", "file_base64": large, "_outcome": "done"})
    chat.say("!plot")
    assert "a is larger than" in chat.posts(1)[0]


def test_what_was_asked_through_another_door_is_left_alone(
    chat: RocketChatHere, join: Join
) -> None:
    door = ready(chat, join)
    door.call("taskback", Message({"text": "hi", "network": "irc", "_outcome": "done"}, "1-0"))
    assert chat.posted() == []


# --- edits, floods, notes


def test_an_edit_is_run_only_if_what_was_said_failed(chat: RocketChatHere, join: Join) -> None:
    def answer(message: Message) -> dict[str, str]:
        failed = {"_outcome": "parked", "_error": "no"}
        return failed if "typo" in message["text"] else echo(message)

    door = ready(chat, join, answer)
    fine, typo = chat.say("!pay 5"), chat.say("!typo")
    chat.posts(2)
    for message, text in ((fine, "!pay 6"), (typo, "!typo again"), (typo, "!fixed"), (typo, "!no")):
        chat.edit(message, text)
        count = _said(door).count("next")
        chat.say("!next")
        chat.until(lambda n=count: _said(door).count("next") > n, "it is heard")
    assert [text for text in _said(door) if text != "next"] == [
        "pay 5",
        "typo",
        "typo again",
        "fixed",
    ]
    assert len({m["event_id"] for m in door.intake.messages}) == len(door.intake.messages)


def _said(door: DoorHere) -> list[str]:
    return [m["text"] for m in door.intake.messages]


def test_what_was_said_and_edited_while_it_was_away_is_run_once(
    chat: RocketChatHere, join: Join
) -> None:
    door = ready(chat, join)
    chat.say("!one")
    chat.posts(1)
    chat.cut()
    chat.edit(chat.say("!tow"), "!two")
    chat.posts(2)
    chat.wait_for_link(2)
    chat.tell_of(chat.messages[-1])
    chat.say("!three")
    chat.posts(3)
    assert _said(door) == ["one", "two", "three"]


def test_who_says_too_much_is_told_once(chat: RocketChatHere, join: Join) -> None:
    memory = forgetful()
    door = ready(chat, join, flood={"commands": 2}, memory=memory)
    for n in range(5):
        chat.say(f"cmd {n}", room="BOTU1")
    chat.say("cmd", room="U2BOT", user="U2")
    told = "error: more than 2 commands in a minute: I listen to you again in 5 minutes"
    assert sorted(chat.posts(4)) == [told, "you said cmd", "you said cmd 0", "you said cmd 1"]
    door.leave()
    later = ready(chat, join, memory=memory)  # it has not forgotten whom it turned away
    chat.say("cmd 9", room="U2BOT", user="U2")
    chat.posts(5)
    assert _said(later) == ["cmd 9"]


def test_a_note_is_changed_until_the_answer_is_there(chat: RocketChatHere, join: Join) -> None:
    door = ready(chat, join)
    asked = {"text": "build", "channel": "R1", "thread": "m0", "network": "rocketchat"}
    for how_far in ("10 %", "20 %"):
        door.call("note", Message({**asked, "_note": how_far}, "1-0"))
    door.call("taskback", Message({**asked, "text": "built", "_outcome": "done"}, "1-0"))
    note = {"roomId": "R1", "msgId": "x"}
    assert [call for call in chat.calls if call[0] in WRITTEN] == [
        ("chat.postMessage", {"roomId": "R1", "text": "… 10 %", "tmid": "m0"}),
        ("chat.update", {**note, "text": "… 20 %"}),
        ("chat.postMessage", {"roomId": "R1", "text": "built", "tmid": "m0"}),
        ("chat.delete", note),
    ]


def test_a_note_goes_even_if_nothing_is_answered(chat: RocketChatHere, join: Join) -> None:
    door = ready(chat, join)
    asked = {"text": "build", "channel": "R1", "network": "rocketchat"}
    door.call("note", Message({**asked, "_note": "20 %"}, "1-0"))
    door.call("taskback", Message({**asked, "_outcome": "done", "_empty": "1"}, "1-0"))
    assert "chat.delete" in dict(chat.calls)


def test_a_note_that_cannot_be_shown_is_no_error(chat: RocketChatHere, join: Join) -> None:
    door = ready(chat, join)
    chat.refuse("chat.postMessage", "error-not-allowed")
    asked = {"text": "build", "channel": "R1", "network": "rocketchat", "_note": "1 %"}
    door.call("note", Message(asked, "1-0"))
    assert len(chat.posted()) == 1


# --- being away


def test_what_was_said_during_an_outage_is_heard_after_it(chat: RocketChatHere, join: Join) -> None:
    door = ready(chat, join)
    chat.say("!one")
    chat.posts(1)
    chat.fail("rooms.get")  # it is tried again
    chat.cut()
    chat.say("!two", room="R2")
    chat.say("three", room="BOTU1")
    chat.posts(3)
    chat.wait_for_link(2)
    chat.say("!four")
    chat.posts(4)
    assert [m["text"] for m in door.intake.messages] == ["one", "two", "three", "four"]
    assert [m["room"] for m in door.intake.messages] == ["#ops", "#dev", "BOTU1", "#ops"]


def test_it_goes_on_where_an_earlier_life_ended(chat: RocketChatHere, join: Join) -> None:
    memory = forgetful()
    chat.say("!before")  # history: no bot was there yet
    chat.messages[-1]["ts"]["$date"] -= 12_000
    first = ready(chat, join, memory=memory)
    chat.say("!one")
    chat.posts(1)
    first.leave()
    chat.say("!two")
    second = ready(chat, join, memory=memory)
    chat.posts(2)
    assert [m["text"] for m in first.intake.messages] == ["one"]
    assert [m["text"] for m in second.intake.messages] == ["two"]


def test_what_was_not_stored_is_heard_again(chat: RocketChatHere, join: Join) -> None:
    memory = forgetful()
    first = ready(chat, join, memory=memory)
    chat.say("!one")
    chat.posts(1)

    async def lost(message: Message) -> None:
        pass

    first.collector.stored = lost
    chat.say("!two")
    chat.posts(2)
    first.leave()
    second = ready(chat, join, memory=memory)
    chat.posts(3)
    assert [m["text"] for m in second.intake.messages] == ["two"]


def test_what_is_too_old_by_then_is_left_out(chat: RocketChatHere, join: Join) -> None:
    memory = forgetful()
    memory.put("rocketchat", json.dumps({"until": 1_000_000.0, "keys": []}), 60)
    chat.say("!long ago")
    chat.messages[-1]["ts"]["$date"] -= 700_000
    chat.say("!just now")
    door = ready(chat, join, memory=memory)
    chat.posts(1)
    assert [m["text"] for m in door.intake.messages] == ["just now"]


def test_catching_up_can_be_left_out(chat: RocketChatHere, join: Join) -> None:
    door = join(catch_up=0)
    chat.until(lambda: chat.links == 1, "it is there")
    chat.say("!one")
    chat.posts(1)
    chat.cut()
    chat.say("!two")
    chat.until(lambda: chat.links == 2, "it is back")
    chat.say("!three")
    chat.posts(2)
    assert [m["text"] for m in door.intake.messages] == ["one", "three"]


def test_a_server_without_a_history_for_us_is_no_reason_to_fail(
    chat: RocketChatHere, join: Join
) -> None:
    chat.refuse("rooms.get", "error-not-allowed")
    ready(chat, join)
    chat.say("!help")
    assert chat.posts(1) == ["you said help"]


def test_its_pings_are_answered(chat: RocketChatHere, join: Join) -> None:
    ready(chat, join)
    chat.tell(msg="ping")
    chat.tell(msg="ping", id="7")
    chat.until(lambda: chat.pongs == 2, "it has answered both")


# --- limits, outages, refusals


@pytest.mark.parametrize("status", [429, 400])
def test_a_limit_is_waited_out(chat: RocketChatHere, join: Join, status: int) -> None:
    ready(chat, join)
    chat.limit("chat.postMessage", status=status)
    chat.limit("users.info", status=status)
    chat.say("!help")
    assert chat.posts(2) == ["you said help"] * 2  # the first was refused


def test_as_long_as_the_server_says(chat: RocketChatHere, join: Join) -> None:
    waits: list[float] = []
    door = ready(chat, join)

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    door.collector._rest._sleep = sleep
    chat.limit("chat.postMessage", 30)
    answer = {"text": "hi", "channel": "R1", "network": "rocketchat", "_outcome": "done"}
    door.call("taskback", Message(answer))
    assert waits == [30.0]


def test_a_broken_gateway_is_tried_again(chat: RocketChatHere, join: Join) -> None:
    ready(chat, join)
    chat.fail("chat.postMessage")
    chat.say("!help")
    assert chat.posts(2)[-1] == "you said help"


def test_it_comes_back_when_it_is_cut(chat: RocketChatHere, join: Join) -> None:
    ready(chat, join)
    too_many = {"error": "too-many-requests", "details": {"timeToReset": 20}}
    chat.next_logins.append(too_many)
    chat.cut()
    chat.wait_for_link(2)
    chat.say("!help")
    assert chat.posts(1) == ["you said help"]
    assert chat.logins == 1  # the token still holds


def test_a_token_that_has_run_out_is_renewed(chat: RocketChatHere, join: Join) -> None:
    ready(chat, join)
    chat.say("!one")
    chat.posts(1)
    chat.tokens.clear()
    chat.say("!two")
    assert chat.posts(3)[-2:] == ["you said two"] * 2  # the first was refused
    assert chat.logins == 2
    chat.tokens.clear()
    chat.cut()
    chat.wait_for_link(2)
    assert chat.logins == 3


def test_it_waits_for_a_server_that_is_down_when_it_starts(
    chat: RocketChatHere, join: Join
) -> None:
    for _ in range(7):  # more than one call tries
        chat.fail("login")
    ready(chat, join)
    chat.say("!help")
    assert chat.posts(1) == ["you said help"]


def test_a_personal_token_logs_in_too(chat: RocketChatHere, join: Join) -> None:
    ready(chat, join, user="", password="", user_id=ME, token=TOKEN)
    chat.say("!help")
    assert chat.posts(1) == ["you said help"]
    assert chat.logins == 0


@pytest.mark.parametrize(
    ("kwargs", "said"),
    [
        ({"password": "s3cret"}, "check `user` and `password`"),
        (
            {"user": "", "password": "", "user_id": ME, "token": "s3cret"},
            "check `user_id` and `token`",
        ),
    ],
)
def test_a_refused_account_ends_it_at_once(
    chat: RocketChatHere, join: Join, kwargs: dict[str, str], said: str
) -> None:
    door = join(**kwargs)
    door.wait()
    assert isinstance(door.error, ServiceError)
    assert said in str(door.error)
    assert "s3cret" not in repr(door.error)


def test_an_account_that_is_closed_later_ends_it_too(chat: RocketChatHere, join: Join) -> None:
    door = ready(chat, join)
    chat.tokens.clear()
    chat.refuse("login", "error-user-is-not-activated", 401)
    chat.cut()
    door.wait()
    assert "error-user-is-not-activated" in str(door.error)


def test_a_second_factor_is_explained(chat: RocketChatHere, join: Join) -> None:
    chat.refuse("login", "totp-required", 401)
    door = join()
    door.wait()
    assert "use a token" in str(door.error)


def test_a_revoked_personal_token_ends_it(chat: RocketChatHere, join: Join) -> None:
    door = ready(chat, join, user="", password="", user_id=ME, token=TOKEN)
    chat.tokens.clear()
    chat.cut()
    door.wait()
    assert isinstance(door.error, ServiceError)


def test_a_server_that_lets_us_hear_nothing_is_an_end(chat: RocketChatHere, join: Join) -> None:
    chat.is_deaf = True
    door = join()
    door.wait()
    assert "check the account's roles" in str(door.error)


def test_a_redirect_is_not_followed_with_our_token(chat: RocketChatHere, join: Join) -> None:
    chat.redirect("me", f"{chat.url}/api/v1/users.info?userId=U1")
    door = join()
    door.wait()
    assert "check `url`" in str(door.error)
    assert "users.info" not in [method for method, _ in chat.calls]


def test_a_room_it_may_not_post_to_is_an_error_of_that_answer_alone(
    chat: RocketChatHere, join: Join
) -> None:
    door = ready(chat, join)
    chat.refuse("chat.postMessage", "error-not-allowed")
    answer = {"text": "hi", "channel": "R1", "network": "rocketchat", "_outcome": "done"}
    with pytest.raises(ServiceError, match="error-not-allowed"):
        door.call("taskback", Message(answer, "1"))
    chat.say("!help")
    assert chat.posts(2)[-1] == "you said help"


@pytest.mark.parametrize(
    "kwargs",
    [
        {"url": "chat.example.org"},
        {"url": "https://ann:pass@chat.example.org"},
        {"password": ""},
        {"user": "", "password": ""},
        {"user_id": "x", "token": "y"},
        {"token": "y"},
    ],
)
def test_what_is_no_account_is_refused(kwargs: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"Rocket\.Chat") as error:
        RocketChat(**{"url": "https://chat.example.org", "user": "u", "password": "p", **kwargs})
    assert "pass" not in str(error.value).replace("`password`", "")


def test_without_its_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "botcannon_core.collectors.rocketchat.link", raising=False)
    monkeypatch.setitem(sys.modules, "websockets.asyncio.client", None)
    with pytest.raises(UsageError, match=r"into app/requirements.txt"):
        RocketChat("https://example.org", "u", "p")


def test_no_log_line_holds_a_secret(
    chat: RocketChatHere, join: Join, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    ready(chat, join)
    chat.fail("chat.postMessage")
    chat.cut()
    chat.wait_for_link(2)
    chat.say("!help")
    chat.posts(2)
    assert "not connected" in caplog.text
    assert PASSWORD not in caplog.text
    assert "token-1" not in caplog.text


# --- the pure parts


@pytest.mark.parametrize("message", [{}, None, 7, {"u": "x"}, {"_id": "m", "u": {"_id": "U1"}}])
def test_a_message_of_another_shape_says_nothing(message: Any) -> None:
    assert said_in(message, Room(), ME) is None


def test_half_a_character_does_not_reach_the_store() -> None:
    message = {"_id": "m", "rid": "R", "ts": {"$date": 1000}, "u": {"_id": "U"}, "msg": "a\ud800"}
    said = said_in(message, Room(), ME)
    assert said is not None
    assert (said.text, said.time) == ("a?", 1.0)


def test_a_time_is_read_in_both_ways_to_write_it() -> None:
    assert seconds({"$date": 1_700_000_000_500}) == seconds("2023-11-14T22:13:20.500Z")
    assert seconds("yesterday") == seconds(None) == 0.0


# --- with real processes

SERVICE = """
collector: {file: rocketchat, entry: RocketChat, conf: {kwargs: KWARGS}}
tasks: [{file: shout, entry: Shout}]
"""
SHOUT = """
class Shout:
    def task(self, message, results):
        return {"text": message["text"].upper()}
"""


@pytest.mark.story
def test_messages_are_answered_through_up_also_those_between_two_lives(
    chat: RocketChatHere,
) -> None:
    kwargs = json.dumps({"url": chat.url, "user": USER, "password": PASSWORD})
    with project(SERVICE.replace("KWARGS", kwargs)) as here:
        (here.folder / "app" / "shout.py").write_text(SHOUT)
        here.up()
        chat.wait_for_link()
        chat.say("@cannon pay")
        assert chat.posts(1) == ["PAY"]
        here.signal(15)
        assert here.code() == 143
        chat.say("!anybody")
        here.up()
        chat.wait_for_link(2)
        assert chat.posts(2) == ["PAY", "ANYBODY"]
