"""The IRC door against a real ngircd, and against a scripted server for what that one has not."""

import asyncio
import base64
import re
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from botcannon_core.chat.backoff import Backoff
from botcannon_core.collectors.irc import Irc, link
from botcannon_core.errors import ServiceError
from botcannon_core.message import Message, checked_fields
from tests.collectors.debian import free_port
from tests.collectors.driven import driven, shout, until
from tests.collectors.fake_intake import FakeIntake
from tests.collectors.irc_world import Script, channel_with, ngircd, person, script
from tests.story.cannon_here import project

PATIENT = {"burst": 1000, "tls": False}


@pytest.fixture(autouse=True)
def _no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "Backoff", lambda: Backoff(first=0.05, most=0.2))


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A real server, for all tests that do not kill it."""
    with ngircd(tmp_path_factory.mktemp("irc")) as port:
        yield port


def bot(port: int, **more: Any) -> Irc:
    return Irc(**{"server": "127.0.0.1", "port": port, "nick": "bot", **PATIENT, **more})


def run(test: Any) -> Any:
    return asyncio.run(test)


# --- on a real server


def test_a_bot_answers_in_a_channel_when_it_is_meant(port: int) -> None:
    async def test() -> None:
        async with driven(bot(port, channels=["#ops"])) as intake, person(port) as ann:
            await channel_with(ann, "#ops", "bot")
            ann.say("#ops", "hello everyone")
            ann.say("#ops", "bot: one")
            ann.say("#ops", "\x02@bot\x02 \x0304two")
            ann.say("#ops", "!three")
            told = [await ann.is_told() for _ in range(3)]
        assert told == [("bot", "#ops", word) for word in ("ONE", "TWO", "THREE")]
        first, _, third = intake.messages
        assert first["user"].startswith("ann!~ann@")
        assert {name: first[name] for name in first if name != "user"} == {
            "text": "one",
            "user_name": "ann",
            "room": "#ops",
            "mention": "1",
            "network": "irc",
        }
        assert "mention" not in third
        assert all(checked_fields(dict(message), "irc") for message in intake.messages)

    run(test())


def test_a_bot_answers_everything_in_private(port: int) -> None:
    async def test() -> None:
        async with driven(bot(port)) as intake, person(port) as ann:
            ann.send("ISON bot")
            while not (await ann.hears("303")).last.strip():
                ann.send("ISON bot")
            ann.say("bot", "hello")
            assert await ann.is_told() == ("bot", "ann", "HELLO")
            assert (intake.messages[0]["room"], intake.messages[0]["direct"]) == ("ann", "1")

    run(test())


def test_a_long_answer_arrives_whole_in_several_lines(port: int) -> None:
    words = " ".join(f"wörd{n}" for n in range(150))

    def answer(_message: Message) -> dict[str, str]:
        return {"text": f"```\n{words}\n```\nend\r\nQUIT", "_outcome": "done"}

    async def test() -> None:
        async with driven(bot(port, channels=["#ops"]), answer), person(port) as ann:
            await channel_with(ann, "#ops", "bot")
            ann.say("#ops", "!go")
            told: list[str] = []
            while "QUIT" not in told:
                told.append((await ann.is_told())[2])
        assert len(told) > 3
        assert " ".join(told) == f"{words} end QUIT"

    run(test())


def test_a_private_answer_goes_to_the_asker_alone(port: int) -> None:
    def answer(_message: Message) -> dict[str, str]:
        return {"text": "for you", "private": "1", "_outcome": "done"}

    async def test() -> None:
        async with driven(bot(port, channels=["#ops"]), answer), person(port) as ann:
            await channel_with(ann, "#ops", "bot")
            ann.say("#ops", "!go")
            assert await ann.is_told() == ("bot", "ann", "for you")

    run(test())


def test_a_parked_message_is_told_in_one_line_with_its_id(port: int) -> None:
    def answer(_message: Message) -> dict[str, str]:
        return {"_outcome": "parked", "_error": "it broke", "_error_id": "a1b2"}

    async def test() -> None:
        async with driven(bot(port, channels=["#ops"]), answer), person(port) as ann:
            await channel_with(ann, "#ops", "bot")
            ann.say("#ops", "!go")
            assert (await ann.is_told())[2] == "error: it broke (log a1b2)"

    run(test())


def test_how_far_a_message_is_is_said_where_it_was_asked(port: int) -> None:
    async def test() -> None:
        door = bot(port, channels=["#far"])
        async with driven(door) as intake, person(port, "fay") as fay:
            intake.notes = ["copying (40%)"]
            await channel_with(fay, "#far", "bot")
            fay.say("#far", "!slow")
            assert await fay.is_told() == ("bot", "#far", "… copying (40%)")
            assert await fay.is_told() == ("bot", "#far", "SLOW")
        assert door.note_every == 10.0

    run(test())


def test_a_file_is_named_where_it_cannot_be_sent(port: int) -> None:
    def answer(_message: Message) -> dict[str, str]:
        file = base64.b64encode(b"x" * 2000).decode()
        return {"text": "here", "file_name": "a.png", "file_base64": file, "_outcome": "done"}

    async def test() -> None:
        async with driven(bot(port, channels=["#ops"]), answer), person(port) as ann:
            await channel_with(ann, "#ops", "bot")
            ann.say("#ops", "!go")
            told = [(await ann.is_told())[2] for _ in range(2)]
        assert told == ["here", "(a.png, 2,000 bytes: no files on IRC)"]

    run(test())


def test_two_bots_do_not_talk_to_each_other_for_ever(port: int) -> None:
    def answer(message: Message) -> dict[str, str]:
        return {"text": f"!{message['text']}", "_outcome": "done"}

    async def test() -> None:
        async with driven(bot(port, channels=["#ops"]), answer) as intake, person(port) as ann:
            await channel_with(ann, "#ops", "bot")
            ann.say("#ops", "!once")
            assert (await ann.is_told())[2] == "!once"
            ann.say("#ops", "!twice")
            assert (await ann.is_told())[2] == "!twice"
            assert [message["text"] for message in intake.messages] == ["once", "twice"]

    run(test())


def test_a_nick_in_use_is_replaced_and_taken_back_when_it_is_free(port: int) -> None:
    async def test() -> None:
        door = bot(port, channels=["#ops"])
        async with person(port, "bot") as owner, person(port) as ann, driven(door):
            await channel_with(ann, "#ops", "bot_")
            ann.say("#ops", "bot_: who")
            assert (await ann.is_told())[0] == "bot_"
            owner.send("JOIN #ops")
            await ann.hears("JOIN")
            owner.send("QUIT :gone")
            assert (await ann.hears("NICK")).last == "bot"
            ann.say("#ops", "bot: who")
            assert (await ann.is_told())[0] == "bot"

    run(test())


def test_a_channel_with_a_key_is_entered(port: int) -> None:
    async def test() -> None:
        async with driven(bot(port, channels=["locked sesame"])), person(port) as ann:
            ann.send("JOIN #locked sesame")
            names = await ann.hears("353")
            if "bot" not in names.last:
                await ann.hears("JOIN")
            ann.say("#locked", "!in")
            assert (await ann.is_told())[2] == "IN"

    run(test())


def test_a_server_that_dies_is_found_again_and_the_answer_kept(tmp_path: Path) -> None:
    async def test() -> None:
        port = free_port()
        door = bot(port, channels=["#ops"])
        async with driven(door, answer=None) as intake:  # nobody listens there yet
            with ngircd(tmp_path, port):
                async with person(port) as ann:
                    await channel_with(ann, "#ops", "bot")
                    ann.say("#ops", "!one")
                    await until(lambda: intake.messages, "the message came")
            await until(lambda: not door._link._welcomed.is_set(), "the loss was seen")
            asked = intake.messages[0]
            answering = asyncio.create_task(
                door.taskback(Message({**asked, **shout(asked)}, asked.id))
            )
            with ngircd(tmp_path, port):
                async with person(port) as ann:
                    ann.send("JOIN #ops")
                    # it may be said before ann is there: then she only sees that the bot is back
                    await answering
                    ann.send("WHO #ops")
                    await ann.hears("352", lambda heard: "bot" in heard.words)

    run(test())


def test_a_wrong_server_password_fails_at_once_without_being_shown(tmp_path: Path) -> None:
    async def test(port: int) -> None:
        door = bot(port, server_password="s3cret-wrong")
        await door.start()
        with pytest.raises(ServiceError, match="server_password") as caught:
            await FakeIntake(door).turn()
        assert "s3cret" not in str(caught.value)
        await door.close()

    async def fine(port: int) -> None:
        async with (
            driven(bot(port, server_password="right")),
            person(port, password="right") as ann,
        ):
            ann.send("ISON bot")
            while not (await ann.hears("303")).last.strip():
                ann.send("ISON bot")

    with ngircd(tmp_path, password="right") as port:
        run(test(port))
        run(fine(port))


SERVICE = """
collector:
  file: irc
  entry: Irc
  conf:
    kwargs: {{server: 127.0.0.1, port: {port}, tls: false, nick: upbot, channels: ['#up']}}
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
        async with person(port) as ann:
            await channel_with(ann, "#up", "upbot")
            ann.say("#up", "upbot: add 2 3")
            assert await ann.is_told() == ("upbot", "#up", "5")
            ann.say("upbot", "fail")
            assert re.fullmatch(r"error: .*no luck \(log \w+\)", (await ann.is_told())[2])

    with project(SERVICE.format(port=port)) as here:
        (here.folder / "app" / "bot.py").write_text(BOT)
        here.up()
        run(test())


# --- on a scripted server


async def welcome(server: Script, nick: str = "bot") -> None:
    await server.hears("USER")
    server.send(f":irc.test 001 {nick} :Welcome")


async def failure(door: Irc) -> str:
    with pytest.raises(ServiceError) as caught:
        await FakeIntake(door).turn()
    await door.close()
    return str(caught.value)


def test_an_account_logs_in_before_anything_else() -> None:
    async def test() -> None:
        async with script() as server, driven(bot(server.port, account="me", password="pä ss")):
            await server.hears("USER")
            server.send(
                ":t CAP * LS * :multi-prefix message-tags", ":t CAP * LS :sasl=PLAIN,EXTERNAL"
            )
            assert (await server.hears("CAP")).last == "message-tags sasl"
            server.send(":t CAP bot ACK :message-tags sasl")
            assert (await server.hears("AUTHENTICATE")).last == "PLAIN"
            server.send("AUTHENTICATE +")
            said = base64.b64decode((await server.hears("AUTHENTICATE")).last).decode()
            assert said == "me\0me\0pä ss"
            server.send(":t 903 bot :logged in")
            assert (await server.hears("CAP")).last == "END"

    run(test())


def test_a_refused_account_fails_at_once_without_its_password() -> None:
    async def test() -> str:
        async with script() as server:
            door = bot(server.port, password="s3cret")
            await door.start()
            await server.hears("USER")
            server.send(":t CAP * LS :sasl")
            await server.hears("CAP")
            server.send(":t CAP * ACK :sasl", "AUTHENTICATE +", ":t 904 bot :SASL failed")
            return await failure(door)

    text = run(test())
    assert "refuses the account 'bot': check `account`, `password`" in text
    assert "s3cret" not in text


def test_a_password_is_never_left_unused_in_silence() -> None:
    async def test() -> str:
        async with script() as server:
            door = bot(server.port, password="s3cret")
            await door.start()
            await server.hears("USER")
            server.send(":t CAP * LS :multi-prefix", ":t 001 bot :Welcome")
            return await failure(door)

    assert "offers no login" in run(test())


@pytest.mark.parametrize(
    ("number", "why"), [("432", "none this network accepts"), ("465", "banned")]
)
def test_what_waiting_does_not_mend_is_a_failure(number: str, why: str) -> None:
    async def test() -> str:
        async with script() as server:
            door = bot(server.port)
            await door.start()
            await server.hears("USER")
            server.send(f":t {number} * bot :no")
            return await failure(door)

    assert why in run(test())


def test_a_lost_connection_is_made_again_with_what_was_to_be_said() -> None:
    async def test() -> None:
        async with script() as server, driven(bot(server.port, channels=["#ops"])) as intake:
            await welcome(server)
            assert (await server.hears("JOIN")).last == "#ops"
            server.hang_up()
            await welcome(server)
            await server.hears("JOIN")
            server.send(":ann!a@h PRIVMSG #ops :!again")
            assert (await server.hears("PRIVMSG")).words == ("#ops", "AGAIN")
            assert len(intake.messages) == 1
            assert server.connections == 2

    run(test())


def test_what_is_no_question_to_us_is_ignored() -> None:
    async def test() -> None:
        async with script() as server, driven(bot(server.port, channels=["#ops"])) as intake:
            await welcome(server)
            await server.hears("JOIN")
            server.send(
                ":bot!b@h PRIVMSG #ops :!myself",
                ":ann!a@h PRIVMSG bot :\x01VERSION\x01",
                ":ann!a@h NOTICE bot :!notice",
                ":irc.test PRIVMSG bot :!server",
                "@bot :other!o@h PRIVMSG #ops :!bot",
                ":ann!a@h PRIVMSG bot : ",
                ":ann!a@h PRIVMSG bot",
                "PRIVMSG",
                "@msgid=1 :ann!a@h PRIVMSG bot :once",
                "@msgid=1 :ann!a@h PRIVMSG bot :once",
                "@account=Ann :ann!a@h PRIVMSG @#ops :!last",
            )
            assert (await server.hears("PRIVMSG")).words == ("ann", "ONCE")
            assert (await server.hears("PRIVMSG")).words == ("#ops", "LAST")
        assert [message["text"] for message in intake.messages] == ["once", "last"]
        assert [message["user"] for message in intake.messages] == ["ann!a@h", "Ann"]
        assert intake.messages[0]["event_id"] == "1"

    run(test())


def test_what_a_bouncer_plays_back_is_ignored() -> None:
    async def test() -> None:
        async with script() as server, driven(bot(server.port)) as intake:
            await server.hears("USER")
            server.send(
                "@time=2024-05-01T10:00:00.000Z :t 001 bot :Welcome",
                "@time=2024-05-01T09:59:59.000Z :ann!a@h PRIVMSG bot :old",
                "@time=2024-05-01T10:00:01.000Z :ann!a@h PRIVMSG bot :new",
            )
            assert (await server.hears("PRIVMSG")).last == "NEW"
            assert len(intake.messages) == 1

    run(test())


def test_a_ping_is_answered_and_a_silent_server_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "SILENCE_SECONDS", 0.1)

    async def test() -> None:
        async with script() as server, driven(bot(server.port)):
            await welcome(server)
            server.send("PING :abc")
            assert (await server.hears("PONG")).last == "abc"
            await server.hears("PING")  # is it still there? nothing comes
            await welcome(server)
            assert server.connections == 2

    run(test())


def test_a_kick_is_waited_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "REJOIN_SECONDS", 0.01)

    async def test() -> None:
        async with script() as server, driven(bot(server.port, channels=["#ops key"])):
            await welcome(server)
            await server.hears("JOIN")
            server.send(":op!o@h KICK #OPS bot :out")
            assert (await server.hears("JOIN")).words == ("#ops", "key")

    run(test())


def test_a_line_longer_than_any_server_sends_is_skipped() -> None:
    async def test() -> None:
        async with script() as server, driven(bot(server.port)):
            await welcome(server)
            server.send(":ann!a@h PRIVMSG bot :" + "x" * 100_000, ":ann!a@h PRIVMSG bot :fine")
            assert (await server.hears("PRIVMSG")).last == "FINE"

    run(test())


def test_lines_are_measured_with_the_host_others_see() -> None:
    async def test() -> None:
        async with script() as server, driven(bot(server.port)) as intake:
            await welcome(server)
            longest = intake.collector._link.source
            server.send(":bot!b@short JOIN #ops", ":t 396 bot cloaked.example :is now your host")
            await until(lambda: intake.collector._link.source != longest, "the host was seen")
            await until(lambda: "cloaked" in intake.collector._link.source, "the cloak was seen")
            server.send(f":ann!a@h PRIVMSG bot :{'é' * 200}")
            assert (await server.hears("PRIVMSG")).last == "É" * 200
            assert intake.collector._link.source == "bot!b@cloaked.example"

    run(test())


def test_an_answer_to_another_door_is_not_said_here() -> None:
    async def test() -> None:
        async with script() as server:
            door = bot(server.port)
            await door.start()
            async with asyncio.timeout(5):  # it would wait for the welcome
                await door.taskback(Message({"text": "x", "room": "C1", "network": "slack"}))
                await door.taskback(Message({"room": "#ops", "network": "irc"}))
            await door.close()

    run(test())


@pytest.mark.parametrize("target", ["", "#a,#b"])
def test_an_answer_to_no_one_is_an_error(target: str) -> None:
    async def test() -> None:
        async with script() as server:
            door = bot(server.port)
            await door.start()
            with pytest.raises(ValueError, match="no one"):
                await door.taskback(Message({"text": "x", "room": target, "network": "irc"}))
            await door.close()

    run(test())


# --- TLS


def certificate(folder: Path) -> Path:
    """A key and certificate for 127.0.0.1 of our own making, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def test_tls_wants_a_certificate_it_can_trust(tmp_path: Path) -> None:
    path = certificate(tmp_path)
    trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trust.load_cert_chain(path)

    async def test() -> None:
        async with script(trust) as server:
            async with driven(bot(server.port, tls=True, ca_file=str(path))):
                await welcome(server)
                server.send(":ann!a@h PRIVMSG bot :safe")
                assert (await server.hears("PRIVMSG")).last == "SAFE"
            stranger = bot(server.port, tls=True)
            await stranger.start()
            assert "certificate is not trusted" in await failure(stranger)

    run(test())


# --- the constructor


def test_without_a_port_it_is_the_usual_one() -> None:
    assert Irc("irc.test", "bot")._place.port == 6697
    assert Irc("irc.test", "bot", tls=False)._place.port == 6667


@pytest.mark.parametrize("nick", ["", "a b", "#ops", "2fast", "a!b", "x,y", "a\r\nQUIT"])
def test_a_nick_that_is_none_is_refused(nick: str) -> None:
    with pytest.raises(ValueError, match="no IRC nick"):
        Irc("irc.test", nick)


@pytest.mark.parametrize("channel", ["", "#a,#b", "a b c", "#a\r\nQUIT"])
def test_a_channel_that_is_none_is_refused(channel: str) -> None:
    with pytest.raises(ValueError, match="no IRC channel"):
        Irc("irc.test", "bot", [channel])


# --- who says too much


def test_who_says_too_much_is_told_once_and_others_are_heard(port: int) -> None:
    async def test() -> None:
        door = bot(port, channels=["#flood"], flood={"commands": 2})
        async with driven(door) as intake, person(port) as ann, person(port, "bob") as bob:
            await channel_with(ann, "#flood", "bot")
            await channel_with(bob, "#flood", "ann")
            for number in range(6):
                ann.say("#flood", f"!cmd {number}")
            told = {(await ann.is_told())[2] for _ in range(3)}
            assert told == {
                "CMD 0",
                "CMD 1",
                "error: more than 2 commands in a minute: I listen to you again in 5 minutes",
            }
            await until(lambda: intake.turned_away == 4, "all that is too much is turned away")
            bob.say("#flood", "!cmd")
            # of what ann hears next, nothing comes before what bob says
            told_next = [(await ann.is_told())[2] for _ in range(2)]
            assert told_next == ["!cmd", "CMD"]
            assert len(intake.messages) == 3

    run(test())
