import base64
import contextlib
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("slack_sdk", reason="the extra 'slack' is not installed")
pytest.importorskip("websockets", reason="the extra 'slack' is not installed")
pytest.importorskip("uvicorn", reason="the fake Slack needs the extra 'webhook'")

from botcannon_core.chat.backoff import Backoff
from botcannon_core.collectors.slack import Slack
from botcannon_core.collectors.slack.event import said_in
from botcannon_core.collectors.slack.markup import escaped, plain
from botcannon_core.errors import ServiceError
from botcannon_core.message import Message, checked_fields
from tests.collectors.door_here import DoorHere
from tests.collectors.slack_here import APP, BOT, SlackHere
from tests.story.cannon_here import project

Join = Callable[..., DoorHere]


def echo(message: Message) -> dict[str, str]:
    return {"text": f"you said {message['text']}", "_outcome": "done"}


@pytest.fixture
def slack() -> Iterator[SlackHere]:
    with SlackHere() as here:
        yield here


@pytest.fixture
def join(slack: SlackHere) -> Iterator[Join]:
    """Has a bot join, without long waits."""
    with contextlib.ExitStack() as stack:

        def make(answer: Any = echo, **kwargs: Any) -> DoorHere:
            bot = Slack(**{"bot_token": BOT, "app_token": APP, "url": slack.url, **kwargs})
            bot._pause = 0.0
            bot._wire._backoff = Backoff(0.01, 0.05)
            bot._api._backoff = Backoff(0.01, 0.05)
            return stack.enter_context(DoorHere(bot, answer))

        yield make


def ready(slack: SlackHere, join: Join, *args: Any, **kwargs: Any) -> DoorHere:
    door = join(*args, **kwargs)
    slack.wait_for_link()
    return door


# --- notes


def test_a_note_is_posted_once_and_changed_and_gives_way_to_the_answer(
    slack: SlackHere, join: Join
) -> None:
    door = join()
    door.intake.notes = ["copying (10%)", "copying <90%>"]
    slack.wait_for_link()
    slack.say("!slow", thread_ts="1.5")
    slack.until(lambda: "chat.delete" in dict(slack.calls), "the note is gone")
    told = [(method, words) for method, words in slack.calls if method.startswith("chat.")]
    assert [method.partition(".")[2] for method, _ in told] == [
        "postMessage",
        "update",
        "postMessage",
        "delete",
    ]
    note = {"channel": "C1", "ts": "1700000001.000001"}
    assert told[0][1] == {"channel": "C1", "thread_ts": "1.5", "text": "… copying (10%)"}
    assert told[1][1] == {**note, "text": "… copying &lt;90%&gt;"}
    assert told[2][1]["text"] == "you said slow"
    assert told[3][1] == note


def test_a_note_that_slack_does_not_take_holds_up_no_answer(slack: SlackHere, join: Join) -> None:
    door = join()
    door.intake.notes = ["one", "two"]
    slack.limit("chat.postMessage")
    slack.refuse("chat.update", "cant_update_message")
    slack.wait_for_link()
    slack.say("!slow")
    assert slack.posts(3) == ["… one", "… two", "you said slow"]
    assert door.error is None


# --- what comes in, what goes out


def test_a_direct_message_is_answered_in_place(slack: SlackHere, join: Join) -> None:
    door = ready(slack, join)
    slack.say("users list", channel="D1")
    assert slack.posts(1) == ["you said users list"]
    assert slack.posted()[0]["channel"] == "D1"
    (message,) = door.intake.messages
    assert checked_fields(message, "slack") == {
        "text": "users list",
        "user": "U1",
        "user_name": "Ann",
        "room": "D1",
        "channel": "D1",
        "direct": "1",
        "event_id": "Ev1",
        "network": "slack",
    }


@pytest.mark.parametrize(
    ("text", "heard", "mention"),
    [
        ("<@UBOT> deploy prod", "deploy prod", "1"),
        ("<@UBOT>: deploy prod", "deploy prod", "1"),
        ("cannon, deploy prod", "deploy prod", "1"),
        ("!deploy prod", "deploy prod", None),
        ("<@UBOT>", "help", "1"),
        ("<@UBOT> say a &lt;b&gt; &amp;amp; c", "say a <b> &amp; c", "1"),
        ("<@UBOT> fetch <http://x.org/a|x.org/a>", "fetch x.org/a", "1"),
        ("<@UBOT> greet <@U2> in <#C1> and <#C2|dev>", "greet @bob in #ops and #dev", "1"),
    ],
)
def test_in_a_channel_it_hears_what_is_said_to_it(
    slack: SlackHere, join: Join, text: str, heard: str, mention: str | None
) -> None:
    door = ready(slack, join)
    slack.say(text)
    slack.posts(1)
    (message,) = door.intake.messages
    assert (message["text"], message.get("mention")) == (heard, mention)
    assert (message["room"], message["channel"], message.get("direct")) == ("#ops", "C1", None)


def test_what_is_not_meant_for_it_is_acknowledged_and_not_answered(
    slack: SlackHere, join: Join
) -> None:
    door = ready(slack, join)
    for envelope in (
        slack.say("lunch?"),
        slack.say("hey <@UBOT> is nice"),
        slack.say("<@U2> deploy"),
        slack.say("<@U3> deploy"),
        slack.say("!!!"),
        slack.say("help", channel="D1", user="UBOT"),
        slack.say("help", channel="D1", bot_id="B7"),
        slack.say("help", channel="D1", user="UOTHERBOT"),
        slack.say("help", channel="D1", subtype="message_changed"),
        slack.say("help", channel="D1", subtype="bot_message"),
        slack.send({"type": "reaction_added", "user": "U1"}, "Ev-r"),
        slack.send({"type": "message", "user": 7, "text": []}, "Ev-odd"),
    ):
        envelope_id = envelope["envelope_id"]
        slack.until(lambda one=envelope_id: one in slack.acked, "it is acknowledged")
    slack.say("at last", channel="D1")
    slack.until(lambda: "you said at last" in slack.posts(1), "it is answered")
    assert [m["text"] for m in door.intake.messages] == ["at last"]


def test_somebody_who_is_called_like_the_bot_is_not_the_bot(slack: SlackHere, join: Join) -> None:
    ready(slack, join)
    slack.say("<@U3> is nice", channel="D1")
    assert slack.posts(1) == ["you said @U3 is nice"]


def test_an_answer_stays_in_its_thread(slack: SlackHere, join: Join) -> None:
    ready(slack, join)
    slack.say("!help", thread_ts="1699.1")
    slack.say("!help")
    slack.posts(2)
    assert [post.get("thread_ts") for post in slack.posted()] == ["1699.1", None]


def test_every_answer_may_begin_a_thread(slack: SlackHere, join: Join) -> None:
    ready(slack, join, in_threads=True)
    slack.say("!help", ts="1700.5")
    slack.posts(1)
    assert slack.posted()[0]["thread_ts"] == "1700.5"


def test_a_private_answer_is_shown_to_the_asker_alone(slack: SlackHere, join: Join) -> None:
    ready(slack, join, lambda m: {"text": "psst", "private": "1", "_outcome": "done"})
    slack.say("!help")
    slack.posts(1)
    method, words = slack.calls[-1]
    assert (method, words["user"], words["channel"]) == ("chat.postEphemeral", "U1", "C1")
    slack.say("help", channel="D1")  # nobody else is there
    slack.posts(2)
    assert slack.calls[-1][0] == "chat.postMessage"


def test_a_parked_message_is_one_line_with_its_id(slack: SlackHere, join: Join) -> None:
    parked = {"_outcome": "parked", "_error": "ValueError: no", "_error_id": "abc123"}
    ready(slack, join, lambda _: parked)
    slack.say("!boom")
    assert slack.posts(1) == ["error: ValueError: no (log abc123)"]


def test_nothing_in_an_answer_calls_a_channel(slack: SlackHere, join: Join) -> None:
    ready(slack, join, lambda _: {"text": "<!channel> a & b", "_outcome": "done"})
    slack.say("!help")
    assert slack.posts(1) == ["&lt;!channel&gt; a &amp; b"]


def test_a_long_answer_is_split_as_slack_counts(slack: SlackHere, join: Join) -> None:
    lines = "\n".join(f"line {n} <&>" for n in range(600))
    ready(slack, join, lambda _: {"text": f"```\n{lines}\n```", "_outcome": "done"})
    slack.say("!help")
    slack.until(lambda: "line 599 " in (slack.posts(1)[-1]), "the last piece is there")
    pieces = slack.posts(1)
    assert max(map(len, pieces)) <= 3900
    assert all(piece.startswith("```") and piece.endswith("```") for piece in pieces)
    assert "".join(pieces).count("line ") == 600


def test_a_file_is_uploaded_to_where_it_was_asked_for(slack: SlackHere, join: Join) -> None:
    file = {"file_name": "a.png", "file_base64": base64.b64encode(b"\x89PNG").decode()}
    ready(slack, join, lambda _: {**file, "text": "here", "_outcome": "done"})
    slack.say("!plot", thread_ts="1699.1")
    done = "files.completeUploadExternal"
    slack.until(lambda: slack.calls[-1][0] == done, "it is uploaded")
    words = slack.calls[-1][1]
    assert slack.files == [b"\x89PNG"]
    assert (words["channel_id"], words["thread_ts"]) == ("C1", "1699.1")
    assert json.loads(words["files"])[0]["title"] == "a.png"


def test_a_private_file_goes_into_a_direct_message(slack: SlackHere, join: Join) -> None:
    file = {"file_name": "a.txt", "file_base64": "aGk=", "private": "1"}
    ready(slack, join, lambda _: {**file, "text": "", "_outcome": "done"})
    slack.say("!plot")
    done = "files.completeUploadExternal"
    slack.until(lambda: slack.calls[-1][0] == done, "it is uploaded")
    assert ("conversations.open", {"users": "U1"}) in slack.calls
    assert slack.calls[-1][1]["channel_id"] == "D9"


def test_a_file_that_cannot_be_sent_is_said_to_be(slack: SlackHere, join: Join) -> None:
    ready(slack, join, lambda _: {"file_name": "a", "file_base64": "aGk=", "_outcome": "done"})
    slack.refuse("files.getUploadURLExternal", "missing_scope", needed="files:write")
    slack.say("!plot")
    assert slack.posts(2)[-1] == "a could not be sent (missing_scope)"


def test_what_was_asked_through_another_door_is_left_alone(slack: SlackHere, join: Join) -> None:
    door = ready(slack, join)
    door.call("taskback", Message({"text": "hi", "network": "irc", "_outcome": "done"}, "1-0"))
    assert slack.posted() == []


# --- acknowledging


def test_it_acknowledges_only_what_is_stored(slack: SlackHere, join: Join) -> None:
    door = join()
    slack.wait_for_link()
    kept: list[Message] = []
    real = door.collector.stored

    async def not_yet(message: Message) -> None:
        kept.append(message)

    door.collector.stored = not_yet
    envelope = slack.say("!help")
    slack.posts(1)
    assert slack.acked == []
    door.collector.stored = real
    door.call("stored", kept[0])
    slack.until(lambda: slack.acked == [envelope["envelope_id"]], "it is acknowledged")


def test_what_slack_sends_again_after_3_seconds_is_done_once(join: Join, slack: SlackHere) -> None:
    door = ready(slack, join)
    kept: list[Message] = []
    real = door.collector.stored

    async def slow(message: Message) -> None:
        kept.append(message)

    door.collector.stored = slow
    envelope = slack.say("!pay")
    slack.until(lambda: len(slack.sent) == 2, "Slack has sent it again")
    assert slack.sent[1]["retry_attempt"] == 1
    slack.until(lambda: len(*door.collector._unstored.values()) == 2, "that was heard")
    door.collector.stored = real
    door.call("stored", kept[0])
    slack.until(lambda: envelope["envelope_id"] in slack.acked, "it is acknowledged")
    slack.say("!help")
    slack.until(lambda: len(door.intake.messages) == 2, "the next one is heard")
    assert [m["text"] for m in door.intake.messages] == ["pay", "help"]


def test_one_message_told_in_two_events_is_done_once(slack: SlackHere, join: Join) -> None:
    door = ready(slack, join)
    first = slack.say("<@UBOT> pay")
    event = {**first["payload"]["event"], "type": "app_mention"}
    second = slack.send(event, "Ev-other")
    both = {first["envelope_id"], second["envelope_id"]}
    slack.until(lambda: both <= set(slack.acked), "both are acknowledged")
    assert [m["text"] for m in door.intake.messages] == ["pay"]


def test_an_acknowledgement_that_was_cut_off_is_given_when_slack_asks_again(join: Join) -> None:
    with SlackHere(resend_seconds=0.3) as slack:
        door = ready(slack, join, url=slack.url)
        kept: list[Message] = []
        real = door.collector.stored

        async def slow(message: Message) -> None:
            kept.append(message)

        door.collector.stored = slow
        envelope = slack.say("!pay")
        slack.until(lambda: kept, "it is stored")
        slack.cut()
        door.collector.stored = real
        door.call("stored", kept[0])
        slack.until(lambda: envelope["envelope_id"] in slack.acked, "it is acknowledged")
        assert len(door.intake.messages) == 1
        assert slack.links == 2


# --- limits, outages, refusals


def test_a_429_is_waited_out(slack: SlackHere, join: Join) -> None:
    ready(slack, join)
    slack.limit("chat.postMessage")
    slack.limit("users.info")
    slack.say("!help")
    assert slack.posts(2) == ["you said help"] * 2  # the first was refused


def test_as_long_as_slack_says(slack: SlackHere, join: Join) -> None:
    waits: list[float] = []
    door = ready(slack, join)

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    door.collector._api._sleep = sleep
    slack.limit("chat.postMessage", "30")
    message = Message({"text": "hi", "channel": "C1", "network": "slack", "_outcome": "done"})
    door.call("taskback", message)
    assert waits == [30.0]


def test_a_broken_gateway_is_tried_again(slack: SlackHere, join: Join) -> None:
    ready(slack, join)
    slack.fail("chat.postMessage")
    slack.say("!help")
    assert slack.posts(2)[-1] == "you said help"


def test_it_comes_back_when_it_is_cut(slack: SlackHere, join: Join) -> None:
    ready(slack, join)
    slack.limit("apps.connections.open")
    slack.fail("apps.connections.open")
    slack.cut()
    slack.wait_for_link(2)
    slack.say("!help")
    assert slack.posts(1) == ["you said help"]


def test_it_comes_back_when_slack_asks_for_it(slack: SlackHere, join: Join) -> None:
    ready(slack, join)
    slack.tell(type="disconnect", reason="refresh_requested")
    slack.wait_for_link(2)
    slack.tell(type="disconnect", reason="too_many_websockets")
    slack.wait_for_link(3)
    slack.say("!help")
    assert slack.posts(1) == ["you said help"]


def test_it_waits_for_a_slack_that_is_down_when_it_starts(slack: SlackHere, join: Join) -> None:
    for _ in range(7):  # more than one call tries
        slack.fail("auth.test")
    ready(slack, join)
    slack.say("!help")
    assert slack.posts(1) == ["you said help"]


def test_without_the_scope_to_look_ids_stand_for_names(slack: SlackHere, join: Join) -> None:
    slack.refuse("users.info", "missing_scope", needed="users:read")
    slack.refuse("conversations.info", "missing_scope", needed="channels:read")
    door = ready(slack, join)
    slack.say("!help")
    slack.posts(1)
    (message,) = door.intake.messages
    assert (message["user_name"], message["room"]) == ("U1", "C1")


def test_a_name_that_cannot_be_had_just_now_leaves_the_message_to_be_sent_again(
    join: Join,
) -> None:
    """An id instead of a name would slip past the rules about that name."""
    with SlackHere(resend_seconds=0.3) as slack:
        door = ready(slack, join, url=slack.url)
        for _ in range(2):
            slack.fail("conversations.info")
        slack.say("!help")
        assert slack.posts(1) == ["you said help"]
        assert [m["room"] for m in door.intake.messages] == ["#ops"]
        assert len(slack.sent) >= 2


@pytest.mark.parametrize(
    ("kwargs", "said"),
    [
        ({"bot_token": "xoxb-s3cret"}, "the bot token (invalid_auth)"),
        ({"app_token": "xapp-s3cret"}, "the app-level token (invalid_auth)"),
    ],
)
def test_a_refused_token_ends_it_at_once(
    slack: SlackHere, join: Join, kwargs: dict[str, str], said: str
) -> None:
    door = join(**kwargs)
    door.wait()
    assert isinstance(door.error, ServiceError)
    assert said in str(door.error)
    assert "s3cret" not in repr(door.error)


def test_a_token_revoked_later_ends_it_too(slack: SlackHere, join: Join) -> None:
    door = ready(slack, join)
    slack.refuse("apps.connections.open", "token_revoked")
    slack.cut()
    door.wait()
    assert "token_revoked" in str(door.error)


def test_an_app_token_without_its_scope_is_explained(slack: SlackHere, join: Join) -> None:
    slack.refuse("apps.connections.open", "missing_scope", needed="connections:write")
    door = join()
    door.wait()
    assert "lacks the scope connections:write" in str(door.error)


def test_socket_mode_that_is_switched_off_is_said_to_be(slack: SlackHere, join: Join) -> None:
    door = ready(slack, join)
    slack.tell(type="disconnect", reason="link_disabled")
    door.wait()
    assert "switch it on" in str(door.error)


def test_a_channel_it_may_not_post_to_is_an_error_of_that_answer_alone(
    slack: SlackHere, join: Join
) -> None:
    door = ready(slack, join)
    slack.refuse("chat.postMessage", "not_in_channel")
    message = Message({"text": "hi", "channel": "C9", "network": "slack", "_outcome": "done"}, "1")
    with pytest.raises(ServiceError, match="not_in_channel"):
        door.call("taskback", message)
    slack.say("!help")
    assert slack.posts(2)[-1] == "you said help"


def test_tokens_in_each_others_place_are_seen_before_they_are_sent_anywhere() -> None:
    with pytest.raises(ValueError, match="begins with xoxb-"):
        Slack(APP, BOT)
    with pytest.raises(ValueError, match="begins with xapp-") as error:
        Slack(BOT, BOT)
    assert BOT not in str(error.value)


def test_no_log_line_holds_a_token(
    slack: SlackHere, join: Join, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    ready(slack, join)
    slack.fail("chat.postMessage")
    slack.say("!help")
    slack.posts(2)
    assert BOT not in caplog.text
    assert APP not in caplog.text


# --- the pure parts


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("a &lt;@U1&gt; b", "a <@U1> b"),
        ("&amp;lt;", "&lt;"),
        ("<@U1> <@U9> <@U9|zed>", "@ann @U9 @U9"),
        ("<#C1> <#C9> <#C9|dev>", "#ops #C9 #dev"),
        (
            "<!here> <!subteam^S1|@team> <!subteam^S1> <!date^1^x|today>",
            "@here @team @subteam today",
        ),
        ("<https://x.org/?a=1&amp;b=2>", "https://x.org/?a=1&b=2"),
        ("<mailto:a@x.org|a@x.org> <mailto:a@x.org>", "a@x.org a@x.org"),
        ("<> <|> a < b", "  a < b"),
    ],
)
def test_markup_becomes_what_was_typed(text: str, typed: str) -> None:
    assert plain(text, {"U1": "ann"}, {"C1": "ops"}) == typed


def test_what_is_escaped_comes_back_as_it_was() -> None:
    text = "<!channel> <@U1> &amp; a < b > c"
    assert plain(escaped(text), {}, {}) == text
    assert "<" not in escaped(text)


@pytest.mark.parametrize("envelope", [{}, {"payload": None}, {"payload": {"event": "x"}}])
def test_an_envelope_of_another_shape_says_nothing(envelope: dict[str, Any]) -> None:
    assert said_in(envelope, "UBOT") is None


def test_half_a_character_does_not_reach_the_store() -> None:
    event = {"type": "message", "user": "U1", "channel": "D1", "ts": "1", "text": "a\ud800"}
    said = said_in({"payload": {"event": event}}, "UBOT")
    assert said is not None
    assert said.text == "a?"


# --- with real processes

SERVICE = """
collector: {file: slack, entry: Slack, conf: {kwargs: KWARGS}}
tasks: [{file: shout, entry: Shout}]
unique: {by: event_id, within: 1h}
"""
SHOUT = """
class Shout:
    def task(self, message, results):
        return {"text": message["text"].upper()}
"""


@pytest.mark.story
def test_a_message_is_answered_through_up_also_after_a_restart(slack: SlackHere) -> None:
    kwargs = json.dumps({"bot_token": BOT, "app_token": APP, "url": slack.url})
    with project(SERVICE.replace("KWARGS", kwargs)) as here:
        (here.folder / "app" / "shout.py").write_text(SHOUT)
        here.up()
        slack.wait_for_link()
        first = slack.say("<@UBOT> pay")
        assert slack.posts(1) == ["PAY"]
        slack.until(lambda: first["envelope_id"] in slack.acked, "it is acknowledged")
        here.signal(15)
        assert here.code() == 143
        here.up()
        slack.wait_for_link(2)
        event = first["payload"]["event"]
        again = slack.send(event, first["payload"]["event_id"])  # its ack was lost, say
        slack.until(lambda: again["envelope_id"] in slack.acked, "it is acknowledged")
        slack.say("!help")
        assert slack.posts(2) == ["PAY", "HELP"]


# --- who says too much, and who says it again


def test_who_says_too_much_is_told_once_and_acknowledged_all_the_same(
    slack: SlackHere, join: Join
) -> None:
    door = ready(slack, join, flood={"commands": 2})
    envelopes = [slack.say(f"cmd {n}", channel="D1") for n in range(5)]
    slack.until(lambda: len(slack.acked) == 5, "all five are acknowledged")
    assert sorted(slack.acked) == sorted(one["envelope_id"] for one in envelopes)
    told = "error: more than 2 commands in a minute: I listen to you again in 5 minutes"
    assert sorted(slack.posts(3)) == [told, "you said cmd 0", "you said cmd 1"]
    slack.say("cmd", channel="D2", user="U2")
    assert slack.posts(4)[3] == "you said cmd"
    assert (len(door.intake.messages), door.intake.turned_away) == (3, 3)


def wrong(message: Message) -> dict[str, str]:
    """A bot that knows one command."""
    if message["text"] == "status":
        return {"text": "fine", "_outcome": "done"}
    return {"text": f"unknown command {message['text']}", "invalid": "1", "_outcome": "done"}


def edit(slack: SlackHere, text: str, before: str, stamp: str, edited: str, **more: Any) -> None:
    """Tell the bot that a message is another one now."""
    message = {"type": "message", "user": "U1", "text": text, "ts": stamp, **more}
    message["edited"] = {"user": "U1", "ts": edited}
    event: dict[str, Any] = {"type": "message", "subtype": "message_changed", "channel_type": "im"}
    event |= {
        "channel": "D1",
        "message": message,
        "previous_message": {"text": before, "ts": stamp},
        "ts": edited,
    }
    slack.send(event, f"EvEdit{edited}")


def test_an_edited_message_is_run_again_if_it_had_failed(slack: SlackHere, join: Join) -> None:
    door = ready(slack, join, wrong)
    first = slack.say("sttus", channel="D1", thread_ts="3.3")
    slack.posts(1)
    stamp = first["payload"]["event"]["ts"]
    edit(slack, "status", "sttus", stamp, "9.1", thread_ts="3.3")
    assert slack.posts(2) == ["unknown command sttus", "fine"]
    assert slack.posted()[1]["thread_ts"] == "3.3"
    edit(slack, "stats", "status", stamp, "9.2")
    slack.say("status", channel="D1")
    assert slack.posts(3)[2] == "fine"
    slack.until(lambda: len(slack.acked) == 4, "the edit that was not run is acknowledged")
    assert len(door.intake.messages) == 3


def test_an_edit_that_is_none_or_of_something_never_heard_is_not_run(
    slack: SlackHere, join: Join
) -> None:
    door = ready(slack, join, wrong)
    first = slack.say("sttus", channel="D1")
    slack.posts(1)
    stamp = first["payload"]["event"]["ts"]
    edit(slack, "sttus", "sttus", stamp, "9.1")  # a link in it was unfolded
    edit(slack, "status", "stats", "1.1", "9.2")
    edit(slack, "status", "sttus", stamp, "9.3", bot_id="B1")
    slack.until(lambda: len(slack.acked) == 4, "all of it is acknowledged")
    assert len(door.intake.messages) == 1
