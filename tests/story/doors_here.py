"""Every door with a server behind it and a person before it, for one bot to be tried at all of them.

A door is the YAML of its collector, a wait until it is open, and a way to say a line and get the answer.
"""

import asyncio
import http.client
import json
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.collectors.debian import free_port
from tests.collectors.on_a_pty import OnAPty
from tests.story.cannon_here import ROOT, Project, wait_until


@dataclass(frozen=True)
class Door:
    """One way to talk to a bot; `opens` is called once `collector` stands in the compose file.

    `asks` says a line and gives the answer; where nobody can tell where one ends, it is what was shown
    until what it is expected to hold. `leaves` is called in the end, where a person has to.
    """

    collector: str
    opens: Callable[[Project], None]
    asks: Callable[[str, str], str]
    leaves: Callable[[], None] = lambda: None


Opens = Callable[[Path], Any]


def up(then: Callable[[], object]) -> Callable[[Project], None]:
    """Start `up` in the background, and wait for the door."""

    def opens(here: Project) -> None:
        here.up()
        then()

    return opens


def collector(file: str, entry: str, **kwargs: Any) -> str:
    """The one line that differs from door to door."""
    return json.dumps({"file": file, "entry": entry, "conf": {"key": file, "kwargs": kwargs}})


class Loop:
    """Runs coroutines one after the other, in a loop that keeps their connections."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()

    def __call__(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(coroutine)

    @contextmanager
    def within(self, entered: Any) -> Iterator[Any]:
        """Stay in an async context."""
        yield self(entered.__aenter__())
        self(entered.__aexit__(None, None, None))
        self._runner.close()


@contextmanager
def terminal(_folder: Path) -> Iterator[Door]:
    person: list[OnAPty] = []

    def opens(here: Project) -> None:
        script = "import sys; from botcannon_core.cli.main import main; sys.exit(main(['up']))"
        person.append(OnAPty(script, here.folder, PYTHONPATH=str(ROOT)))
        person[0].wait_for("Ctrl-D leaves.")
        person[0].wait_for("> ")

    def asks(line: str, expected: str) -> str:
        person[0].type(f"{line}\r")
        return person[0].wait_for(expected)

    def leaves() -> None:
        person[0].type("\x04")
        assert person[0].finish() == 0

    yield Door(collector("terminal", "Terminal"), opens, asks, leaves)


@contextmanager
def irc(folder: Path) -> Iterator[Door]:
    from tests.collectors.irc_world import channel_with, ngircd, person

    run = Loop()
    with ngircd(folder) as port, run.within(person(port)) as ann:

        async def asked(line: str) -> str:
            ann.say("#ops", f"bot: {line}")
            return str((await ann.is_told())[2])

        yield Door(
            collector(
                "irc",
                "Irc",
                server="127.0.0.1",
                port=port,
                nick="bot",
                channels=["#ops"],
                tls=False,
            ),
            up(lambda: run(channel_with(ann, "#ops", "bot"))),
            lambda line, _expected: run(asked(line)),
        )


@contextmanager
def mqtt(folder: Path) -> Iterator[Door]:
    pytest.importorskip("aiomqtt", reason="the extra 'mqtt' is not installed")
    from tests.collectors.mqtt_world import mosquitto, somebody

    run = Loop()
    log = folder / "mosquitto.log"
    with (
        mosquitto(folder, config="log_type subscribe\n") as port,
        run.within(somebody(port)) as ann,
    ):

        async def asked(line: str) -> str:
            await ann.publish(line)
            return str((await ann.is_told())[1])

        yield Door(
            collector("mqtt", "Mqtt", server="127.0.0.1", port=port, tls=False),
            up(lambda: wait_until(lambda: "botcannon/in" in log.read_text(), "the bot hears")),
            lambda line, _expected: run(asked(line)),
        )


@contextmanager
def webhook(_folder: Path) -> Iterator[Door]:
    pytest.importorskip("uvicorn", reason="the extra 'webhook' is not installed")
    port = free_port()

    def listens() -> bool:
        with suppress(OSError), closing(socket.create_connection(("127.0.0.1", port), 1)):
            return True
        return False

    def asks(line: str, _expected: str) -> str:
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as client:
            client.request("POST", "/", line.encode())
            return client.getresponse().read().decode()

    opens = up(lambda: wait_until(listens, "the webhook listens"))
    yield Door(collector("webhook", "Webhook", port=port), opens, asks)


@contextmanager
def slack(_folder: Path) -> Iterator[Door]:
    pytest.importorskip("slack_sdk", reason="the extra 'slack' is not installed")
    from tests.collectors.slack_here import APP, BOT, SlackHere

    with SlackHere() as here:

        def asks(line: str, _expected: str) -> str:
            before = len(here.posted())
            here.say(f"<@UBOT> {line}")
            return here.posts(before + 1)[before]

        kwargs = {"bot_token": BOT, "app_token": APP, "url": here.url}
        yield Door(collector("slack", "Slack", **kwargs), up(here.wait_for_link), asks)


@contextmanager
def rocketchat(_folder: Path) -> Iterator[Door]:
    pytest.importorskip("websockets", reason="the extra 'rocketchat' is not installed")
    from tests.collectors.rocketchat_here import PASSWORD, USER, RocketChatHere

    with RocketChatHere() as here:

        def asks(line: str, _expected: str) -> str:
            before = len(here.posted())
            here.say(f"@cannon {line}")
            return here.posts(before + 1)[before]

        kwargs = {"url": here.url, "user": USER, "password": PASSWORD}
        yield Door(collector("rocketchat", "RocketChat", **kwargs), up(here.wait_for_link), asks)


@contextmanager
def matrix(folder: Path) -> Iterator[Door]:
    pytest.importorskip("nio", reason="the extra 'matrix' is not installed")
    from tests.collectors.synapse_world import Person, synapse

    with synapse(folder) as server:
        ann, bot = Person(server, "ann"), Person(server, "bot")
        room = ann.makes_room(bot, is_direct=True)

        def asks(line: str, _expected: str) -> str:
            before = len(ann.sees(room, bot))
            ann.says(room, line)
            return ann.is_told(room, bot, before + 1)[before]

        kwargs = {"server": server.url, "user": bot.name, "password": bot.password}
        yield Door(
            collector("matrix", "Matrix", **kwargs), up(lambda: ann.waits_for(bot, room)), asks
        )


DOORS: tuple[Opens, ...] = (terminal, irc, mqtt, webhook, slack, rocketchat, matrix)
