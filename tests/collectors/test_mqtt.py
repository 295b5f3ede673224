"""The MQTT door against a real mosquitto."""

import asyncio
import base64
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("aiomqtt", reason="the MQTT door needs aiomqtt: pip install 'botcannon[mqtt]'")

from botcannon_core.chat.backoff import Backoff
from botcannon_core.collectors.mqtt import Mqtt, link
from botcannon_core.errors import ServiceError, UsageError
from botcannon_core.message import Message, checked_fields
from tests.collectors.debian import free_port, program
from tests.collectors.driven import PATIENCE, driven, shout, until
from tests.collectors.fake_intake import FakeIntake
from tests.collectors.mqtt_world import aiomqtt, asking, mosquitto, somebody
from tests.story.cannon_here import project


@pytest.fixture(autouse=True)
def _no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "Backoff", lambda: Backoff(first=0.05, most=0.2))


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A real broker, for all tests that do not stop it."""
    with mosquitto(tmp_path_factory.mktemp("mqtt")) as port:
        yield port


def bot(port: int, **more: Any) -> Mqtt:
    name = f"bot-{port}-{next(numbers)}"
    return Mqtt(**{"server": "127.0.0.1", "port": port, "tls": False, "client_id": name, **more})


numbers = iter(range(1_000_000))


def run(test: Any) -> Any:
    return asyncio.run(test)


async def is_up(door: Mqtt) -> None:
    await until(door._link._is_up.is_set, "the door is connected")


# --- asking and answering


@pytest.mark.parametrize("version", [3, 5])
def test_text_is_asked_and_answered_in_text(port: int, version: int) -> None:
    async def test() -> None:
        door = bot(port, version=version)
        async with driven(door) as intake, somebody(port) as ann:
            await is_up(door)
            await ann.publish("hello")
            assert (await ann.is_told())[:2] == ("botcannon/out/anonymous", "HELLO")
        (message,) = intake.messages
        assert dict(message) == {
            "text": "hello",
            "user": "anonymous",
            "user_name": "anonymous",
            "room": "botcannon/in",
            "direct": "1",
            "network": "mqtt",
        }
        assert checked_fields(dict(message), "mqtt")

    run(test())


def test_json_is_asked_and_answered_in_json(port: int) -> None:
    async def test() -> None:
        door = bot(port)
        async with driven(door), somebody(port, "botcannon/out/ann") as ann:
            await is_up(door)
            await ann.publish(
                json.dumps({"user": "ann", "text": "hello", "thread": 7, "room": "x"})
            )
            topic, text, _ = await ann.is_told()
            assert topic == "botcannon/out/ann"
            assert json.loads(text) == {
                "id": "1000-0",
                "outcome": "done",
                "text": "HELLO",
                "thread": "7",
            }

    run(test())


def test_a_response_topic_is_answered_with_its_correlation(port: int) -> None:
    async def test() -> None:
        door = bot(port)
        async with driven(door), somebody(port, "botcannon/out/#", "doors/#") as ann:
            await is_up(door)
            await ann.publish("one", properties=asking("botcannon/out/box/7", b"\x00\xff"))
            topic, text, about = await ann.is_told()
            assert (topic, text, about.CorrelationData) == (
                "botcannon/out/box/7",
                "ONE",
                b"\x00\xff",
            )
            # the bot may write there, who asks may not: it is not lent to them
            await ann.publish("open", properties=asking("doors/front"))
            assert (await ann.is_told())[:2] == ("botcannon/out/anonymous", "OPEN")

    run(test())


def test_response_topics_elsewhere_can_be_allowed(port: int) -> None:
    async def test() -> None:
        door = bot(port, reply_to="replies/+/box")
        async with driven(door), somebody(port, "replies/#", "botcannon/out/#") as ann:
            await is_up(door)
            await ann.publish("one", properties=asking("replies/ann/box"))
            assert (await ann.is_told())[0] == "replies/ann/box"
            await ann.publish("two", properties=asking("replies/ann/other"))
            assert (await ann.is_told())[0] == "botcannon/out/anonymous"

    run(test())


def test_the_topic_says_who_it_was_if_it_can(port: int) -> None:
    async def test() -> None:
        door = bot(port, topics=["asked/by/+"])
        async with driven(door) as intake, somebody(port) as ann:
            await is_up(door)
            await ann.publish('{"user": "root", "text": "hi"}', "asked/by/ann")
            assert (await ann.is_told())[0] == "botcannon/out/ann"
            assert intake.messages[0]["user"] == "ann"
            assert intake.messages[0]["room"] == "asked/by/ann"

    run(test())


def test_a_parked_message_is_told_in_one_line_with_its_id(port: int) -> None:
    def answer(_message: Message) -> dict[str, str]:
        return {"_outcome": "parked", "_error": "it broke", "_error_id": "a1b2"}

    async def test() -> None:
        door = bot(port)
        async with driven(door, answer), somebody(port) as ann:
            await is_up(door)
            await ann.publish("hello")
            assert (await ann.is_told())[1] == "error: it broke (log a1b2)"

    run(test())


def test_how_far_a_message_is_is_published_for_who_may_hear_several_things(port: int) -> None:
    async def test() -> None:
        door = bot(port, topics=["far/in"], out="far/out")
        async with driven(door) as intake, somebody(port, "far/out/#") as ann:
            intake.notes = ["copying (40%)"]
            await is_up(door)
            await ann.publish("slow", "far/in")
            assert (await ann.is_told())[1] == "… copying (40%)"
            assert (await ann.is_told())[1] == "SLOW"
            await ann.publish('{"text": "slow"}', "far/in")
            note = json.loads((await ann.is_told())[1])
            assert note == {"id": intake.messages[1].id, "note": "copying (40%)"}
            assert json.loads((await ann.is_told())[1])["text"] == "SLOW"
            await ann.publish("slow", "far/in", properties=asking("far/out/box"))
            assert (await ann.is_told())[:2] == ("far/out/box", "SLOW")
        assert door.note_every == 10.0

    run(test())


def test_a_file_comes_in_json_and_is_named_in_text(port: int) -> None:
    content = base64.b64encode(b"x" * 2000).decode()

    def answer(_message: Message) -> dict[str, str]:
        return {"text": "here", "file_name": "a.png", "file_base64": content, "_outcome": "done"}

    async def test() -> None:
        door = bot(port)
        async with driven(door, answer), somebody(port) as ann:
            await is_up(door)
            await ann.publish("hello")
            assert (await ann.is_told())[1] == "here\n(a.png, 2,000 bytes: ask in JSON)"
            await ann.publish('{"text": "hello"}')
            told = json.loads((await ann.is_told())[1])
            assert (told["text"], told["file_name"], told["file_base64"]) == (
                "here",
                "a.png",
                content,
            )

    run(test())


# --- hearing


def test_a_sensor_is_heard_and_gets_no_answer(port: int) -> None:
    async def test() -> None:
        door = bot(port, topics=["sensors/#"], out="")
        async with driven(door) as intake, somebody(port) as sensor:
            await is_up(door)
            await sensor.publish('{"temp": 21.5, "text": "a"}', "sensors/attic/1", qos=0)
            await sensor.publish("22", "sensors/attic/2")
            await until(lambda: len(intake.messages) == 2, "both came")
        first, second = intake.messages
        assert (first["temp"], first["room"]) == ("21.5", "sensors/attic/1")
        assert (second["text"], second["room"]) == ("22", "sensors/attic/2")

    run(test())


def test_what_is_empty_retained_huge_or_a_repeat_is_left_out(port: int) -> None:
    async def test() -> None:
        async with somebody(port) as ann:
            await ann.publish("old news", "shelf/in", retain=True)
            door = bot(port, topics=["shelf/in"])
            async with driven(door) as intake:
                await is_up(door)
                await ann.publish("", "shelf/in", retain=True)
                await ann.publish("  ", "shelf/in")
                await ann.publish("x" * 1_000_001, "shelf/in")
                for _ in range(2):
                    await ann.publish('{"event_id": "e1", "text": "once"}', "shelf/in")
                await ann.publish('{"event_id": "e1", "user": "bob", "text": "mine"}', "shelf/in")
                await until(lambda: len(intake.messages) == 2, "two came")
            assert [message["text"] for message in intake.messages] == ["once", "mine"]

    run(test())


def test_retained_messages_are_heard_if_wanted(port: int) -> None:
    async def test() -> None:
        async with somebody(port) as ann:
            await ann.publish("last value", "kept/in", retain=True)
            door = bot(port, topics=["kept/in"], retained=True)
            async with driven(door) as intake:
                await until(lambda: intake.messages, "the retained one came")
                assert intake.messages[0]["text"] == "last value"

    run(test())


# --- nothing lost


async def heard(door: Mqtt, *texts: str) -> list[Message]:
    """What the door yields next, which must be `texts`, without storing it."""
    reading = aiter(door.read())
    async with asyncio.timeout(PATIENCE):
        found = [Message(await anext(reading), f"{n}-0") for n, _ in enumerate(texts, 1)]
    assert [message["text"] for message in found] == list(texts)
    return found


def test_what_was_not_stored_comes_again_and_what_was_does_not(port: int) -> None:
    async def test() -> None:
        async with somebody(port) as ann:
            first = bot(port, topics=["safe/in"], client_id="safe")
            await first.start()
            await is_up(first)
            await ann.publish("one", "safe/in")
            await heard(first, "one")
            await first.close()  # died before it was stored
            await ann.publish("while away", "safe/in")
            second = bot(port, topics=["safe/in"], client_id="safe")
            async with driven(second) as intake:
                await until(lambda: len(intake.messages) == 2, "both came")
                assert [m["text"] for m in intake.messages] == ["one", "while away"]
                await until(lambda: not second._link._open, "both are acknowledged")
            third = bot(port, topics=["safe/in"], client_id="safe")
            async with driven(third) as intake:
                await is_up(third)
                await ann.publish("news", "safe/in")
                await until(lambda: intake.messages, "the news came")
                assert [m["text"] for m in intake.messages] == ["news"]

    run(test())


def test_a_broker_that_goes_and_comes_gets_what_it_is_owed(tmp_path: Path) -> None:
    async def test() -> None:
        port = free_port()
        door = bot(port)
        await door.start()  # nobody listens there yet
        with mosquitto(tmp_path, port):
            await is_up(door)
            async with somebody(port) as ann:
                await ann.publish("one")
                await ann.publish("two")
                await until(lambda: len(door._link._open) == 2, "both came")
                one, two = await heard(door, "one", "two")
        await until(lambda: not door._link._is_up.is_set(), "the loss was seen")
        door.stored(one)  # while nobody can be told
        assert len(door._link._owed) == 1
        answer = asyncio.create_task(
            door.taskback(Message({"text": "ONE", "network": "mqtt", "_outcome": "done"}, "1-0"))
        )
        with mosquitto(tmp_path, port):
            async with somebody(port):
                await answer
            await until(lambda: not door._link._owed, "what was owed is paid")
            door.stored(two)
            await until(lambda: not door._link._open, "nothing is open")
            assert door._heard.empty()  # sent again by the broker, not heard twice
            await door.close()
            again = bot(port, client_id=door._broker.client_id)
            async with driven(again) as intake, somebody(port) as ann:
                await is_up(again)
                await ann.publish("three")
                await until(lambda: intake.messages, "the third came")
                assert [m["text"] for m in intake.messages] == ["three"]

    run(test())


def test_a_broker_that_forgot_us_is_met_anew(tmp_path: Path) -> None:
    async def test() -> None:
        port = free_port()
        door = bot(port)
        await door.start()
        with mosquitto(tmp_path, port):
            await is_up(door)
            async with somebody(port) as ann:
                await ann.publish("same")
                (same,) = await heard(door, "same")
        await until(lambda: not door._link._is_up.is_set(), "the loss was seen")
        (tmp_path / "mosquitto.db").unlink()
        with mosquitto(tmp_path, port):
            await is_up(door)
            door.stored(same)
            async with somebody(port) as ann:
                await ann.publish("same")  # with the number, topic and payload of the forgotten one
                await heard(door, "same")
        await door.close()

    run(test())


def test_sensors_that_flood_without_asking_for_safety_do_not_fill_the_memory(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("botcannon_core.collectors.mqtt.MOST_WAITING", 10)

    async def test() -> None:
        door = bot(port, topics=["flood/in"])
        await door.start()
        await is_up(door)
        async with somebody(port) as sensor:
            for number in range(30):
                await sensor.publish(str(number), "flood/in", qos=0)
            await sensor.publish("safe", "flood/in", qos=1)
            await until(lambda: door._link._open, "the safe one came")
        await heard(door, *map(str, range(10)), "safe")
        await door.close()

    run(test())


# --- with everything


SERVICE = """
collector:
  file: mqtt
  entry: Mqtt
  conf:
    kwargs:
      {{server: 127.0.0.1, port: {port}, tls: false, topics: [up/in], out: up/out, retained: true}}
shell: {{file: bot, entry: Bot}}
tasks: [{{file: torch, entry: Torch}}]
"""
BOT = """
class Bot:
    def add(self, one: int, two: int):
        return one + two

    def fail(self):
        raise ValueError("no luck")
"""


def test_a_bot_started_by_up_answers_here(port: int) -> None:
    async def test() -> None:
        async with somebody(port, "up/out/#") as ann:
            # what is retained is there for the door whenever it comes
            await ann.publish('{"user": "ann", "text": "add 2 3"}', "up/in", retain=True)
            topic, text, _ = await ann.is_told()
            assert (topic, json.loads(text)["text"]) == ("up/out/ann", "5")
            await ann.publish("fail", "up/in")
            topic, text, _ = await ann.is_told()
            assert topic == "up/out/anonymous"
            assert re.fullmatch(r"error: .*no luck \(log \w+\)", text)

    with project(SERVICE.format(port=port)) as here:
        (here.folder / "app" / "bot.py").write_text(BOT)
        here.up()
        run(test())


# --- refused


def failure(door: Mqtt) -> str:
    async def test() -> str:
        await door.start()
        with pytest.raises(ServiceError) as caught:
            await FakeIntake(door).turn()
        await door.close()
        return str(caught.value)

    return str(run(test()))


@pytest.mark.parametrize("version", [3, 5])
def test_a_wrong_password_fails_at_once_without_being_shown(tmp_path: Path, version: int) -> None:
    passwords = tmp_path / "passwords"
    maker = program("mosquitto_passwd", "mosquitto")
    subprocess.run([maker, "-b", "-c", str(passwords), "bot", "right"], check=True)
    config = f"allow_anonymous false\npassword_file {passwords}\n"
    with mosquitto(tmp_path, config=config) as port:
        text = failure(bot(port, username="bot", password="s3cret-wrong", version=version))
        assert "check `username`, `password`" in text
        assert "s3cret" not in text

        async def fine() -> None:
            door = bot(port, username="bot", password="right", version=version)
            async with driven(door):
                await is_up(door)

        run(fine())


def test_without_the_library_the_cure_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "botcannon_core.collectors.mqtt.link")
    monkeypatch.delattr("botcannon_core.collectors.mqtt.link")
    monkeypatch.setitem(sys.modules, "aiomqtt", None)
    with pytest.raises(UsageError, match=r"into app/requirements.txt"):
        Mqtt("mqtt.test")


# --- the constructor


def test_without_a_port_it_is_the_usual_one() -> None:
    assert Mqtt("mqtt.test")._broker.port == 8883
    assert Mqtt("mqtt.test", tls=False)._broker.port == 1883


def test_the_broker_knows_a_bot_by_the_same_name_in_its_next_life() -> None:
    one, again = Mqtt("mqtt.test"), Mqtt("mqtt.test")
    assert one._broker.client_id == again._broker.client_id
    assert len(one._broker.client_id) <= 23
    assert Mqtt("mqtt.test", ["other/in"])._broker.client_id != one._broker.client_id


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"topics": "botcannon/in"}, "a list"),
        ({"topics": []}, "a list"),
        ({"version": 4}, "5 or 3"),
        ({"out": "a/#"}, "without wildcards"),
        ({"topics": ["botcannon/#"]}, "hear itself"),
        ({"topics": ["botcannon/+/+"]}, "hear itself"),
    ],
)
def test_what_cannot_work_is_refused(how: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Mqtt("mqtt.test", **how)


def test_an_answer_to_another_door_is_not_published_here(port: int) -> None:
    async def test() -> None:
        door = bot(port)
        async with driven(door), somebody(port) as ann:
            await is_up(door)
            await door.taskback(Message({"text": "x", "user": "ann", "network": "irc"}, "1-0"))
            await door.taskback(Message({"user": "ann", "network": "mqtt"}, "1-0"))
            asked = Message({"text": "y", "user": "ann", "network": "mqtt"}, "1-0")
            await door.taskback(Message({**asked, **shout(asked)}, "1-0"))
            assert (await ann.is_told())[1] == "Y"

    run(test())


def test_an_older_client_is_understood(port: int) -> None:
    async def test() -> None:
        door = bot(port)
        older = aiomqtt.ProtocolVersion.V311
        async with driven(door), somebody(port, version=older) as ann:
            await is_up(door)
            await ann.publish('{"user": "ann", "text": "hi"}')
            assert json.loads((await ann.is_told())[1])["text"] == "HI"

    run(test())


# --- who says too much


def test_who_says_too_much_is_told_once_and_the_broker_may_forget_all_of_it(port: int) -> None:
    async def test() -> None:
        door = bot(port, flood={"commands": 2})
        async with driven(door) as intake, somebody(port) as ann:
            await is_up(door)
            for number in range(5):
                await ann.publish(json.dumps({"user": "ann", "text": f"cmd {number}"}))
            told = [json.loads((await ann.is_told())[1]) for _ in range(3)]
            assert sorted(one["outcome"] for one in told) == ["done", "done", "parked"]
            (refused,) = (one for one in told if one["outcome"] == "parked")
            assert refused["error"].startswith("more than 2 commands in a minute")
            await ann.publish(json.dumps({"user": "bob", "text": "cmd"}))
            assert (await ann.is_told())[0] == "botcannon/out/bob"
            assert (len(intake.messages), intake.turned_away) == (3, 3)
            await until(lambda: not door._link._open, "nothing is left to acknowledge")

    run(test())


def test_a_sensor_is_no_flooder(port: int) -> None:
    async def test() -> None:
        door = bot(port)
        async with driven(door) as intake, somebody(port) as sensor:
            await is_up(door)
            for number in range(30):
                await sensor.publish(str(number))
            await until(lambda: len(intake.messages) == 30, "every value is stored")

    run(test())
