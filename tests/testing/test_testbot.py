"""The bot that an author talks to in a test answers as the one that is up."""

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from botcannon_core.errors import ComposeError, MessageError, ServiceError, UsageError
from botcannon_core.testing import TestBot, bot_of

ROOT = Path(__file__).resolve().parents[2]

BOT = '''
import base64, os, time
from botcannon_core import Park, Retry, Skip


class Bot:
    """A bot for everything."""

    def __init__(self, ledger, token="none"):
        self._ledger, self._token = ledger, token

    def hello(self, name: str = "stranger"):
        return f"Hello, {name}!"

    def deploy(self, env: str):
        return f"deployed {env}"

    def token(self):
        return f"my token is {self._token}"

    def lines(self, count: int):
        return "\\n".join(f"line {n}" for n in range(count))

    def boom(self):
        raise ValueError("it broke")

    def die(self):
        os._exit(9)

    def seen(self, service: str, seconds: float):
        return [message["n"] for message in self._ledger.last(service, seconds)]

    def counts(self):
        return {c: self._ledger.count("chat", c) for c in ("data", "taskback", "dead")}

    def others(self):
        return ",".join(self._ledger.services())

    def process(self):
        return os.getpid()

    def copy(self, progress, seconds: float = 0.0):
        progress("copying", 0.5)
        time.sleep(seconds)
        progress("my token is " + self._token, 0.9)
        return "copied"


TRIES = []


def third_time(message, results):
    TRIES.append(message.id)
    if len(TRIES) < 3:
        raise Retry(60)
    return {"tries": len(TRIES)}


def price(message, results):
    if message["fruit"] == "durian":
        raise Park("not in this shop")
    if message["fruit"] == "none":
        raise Skip
    return {"price": int(message["count"]) * 3}


def file(message, results):
    return {"text": "here", "file_name": "a.txt", "file_base64": base64.b64encode(b"abc").decode()}


class Kept:
    def __init__(self):
        self.count = 0

    def task(self, message, results):
        self.count += 1
        return {"count": self.count}
'''

SERVICES = """
namespace: SHOP
store: redis://nowhere.invalid:6379/0
services:
  chat:
    collector: {file: timer, entry: Timer, conf: {key: door, kwargs: {text: !!SECRET!!}}}
    shell: {file: bot, entry: Bot, conf: {key: bot, kwargs: {token: !!SECRET!!}}}
    tasks: [{file: torch, entry: Torch, conf: {kwargs: {max_output: 200}}}]
    acl:
      - {allow: 'deploy *', who: '#ops/*', confirm: true}
      - {deny: 'deploy', who: '*'}
      - {allow: '*', who: '*'}
  shop:
    collector: {file: timer, entry: Timer}
    tasks: [{file: bot, entry: price}]
    unique: {by: order, within: 1h}
    backlog: {max: 5}
  late:
    collector: {file: timer, entry: Timer}
    tasks: [{file: bot, entry: third_time}]
    deliver: {tries: 5}
  impatient:
    collector: {file: timer, entry: Timer}
    tasks: [{file: bot, entry: third_time}]
    deliver: {tries: 2}
  files:
    collector: {file: timer, entry: Timer}
    tasks: [{file: bot, entry: file}]
  fresh:
    collector: {file: timer, entry: Timer}
    tasks: [{file: bot, entry: Kept}]
  kept:
    collector: {file: timer, entry: Timer}
    tasks: [{file: bot, entry: Kept}]
    workers: {isolation: worker, max: 1}
  only-collected:
    collector: {file: timer, entry: Timer}
  buys:
    collector: {file: timer, entry: Timer}
    program: buy
programs:
  buy:
    args: {item: {type: string, required: true}}
    outputs: {order: {type: string, required: true}}
    steps: [reserve, charge]
steps:
  reserve: {file: steps, entry: reserve, undo: [release]}
  release: {file: steps, entry: release}
  charge: {file: steps, entry: charge}
"""

STEPS = """
DID = []


def reserve(message, results):
    DID.append("reserve")
    return {"order": f"an {results['item']}"}


def release(message, results):
    DID.append("release")


def charge(message, results):
    if results["item"] == "elephant":
        raise ValueError("too dear")
    DID.append("charge")
"""

Open = Callable[..., TestBot]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "app").mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / "app" / "bot.py").write_text(BOT)
    (tmp_path / "app" / "steps.py").write_text(STEPS)
    (tmp_path / "cannon-compose.yml").write_text(SERVICES)
    return tmp_path


@pytest.fixture
def bot(project: Path) -> Iterator[TestBot]:
    with bot_of(project / "tests") as made:
        yield made


@pytest.fixture
def opened() -> Iterator[Open]:
    """Opens the bot of a folder until the test ends."""
    with ExitStack() as stack:
        yield lambda folder: stack.enter_context(bot_of(folder))


# --- what is said, and what comes back


def test_a_line_is_answered_with_what_a_chat_would_show(bot: TestBot) -> None:
    assert bot("hello Ada") == "Hello, Ada!"
    assert bot("hello Ada").text == "Hello, Ada!"
    assert bot("helo") == "unknown command 'helo', did you mean 'hello'? (try help)"


def test_a_reply_tells_how_it_came_about(bot: TestBot) -> None:
    fine, wrong = bot("hello"), bot("boom")
    assert (fine.outcome, fine.error, fine.is_refused, fine.trace) == ("done", None, False, "")
    assert (wrong.outcome, wrong.error) == ("parked", "ValueError: it broke")
    assert wrong == f"error: ValueError: it broke (log {wrong.message.error_id})"
    assert "bot.py" in wrong.trace
    assert bot("helo").is_refused
    assert fine.message["user"] == "ann"
    assert fine.message.service == "chat"


def test_rules_hold_for_the_user_and_the_room_that_are_said(bot: TestBot) -> None:
    assert bot("deploy prod").is_refused
    assert bot("deploy prod", room="#dev").is_refused
    assert bot("deploy prod", room="#ops").startswith("this will run: deploy prod")


def test_a_yes_is_its_askers_and_is_not_waited_for_for_ever(bot: TestBot) -> None:
    bot("deploy prod", room="#ops")
    assert "nothing that waits" in bot("yes", room="#ops", user="bob")
    assert bot("yes", room="#ops") == "deployed prod"
    bot("deploy prod", room="#ops")
    bot.wait(121)
    assert "nothing that waits" in bot("yes", room="#ops")


def test_a_long_answer_goes_on(bot: TestBot) -> None:
    assert bot("lines 60").endswith("(say more)")
    assert bot("more").startswith("line ")


def test_who_has_no_name_has_no_conversation(bot: TestBot) -> None:
    bot("lines 60", user="")
    assert "more" in bot("more", user="")
    assert bot("more", user="").is_refused


def test_any_field_a_door_might_give_can_be_given(bot: TestBot) -> None:
    reply = bot("hello", room="#ops", thread="17", mention="1", network="irc")
    told = {name: reply.message[name] for name in ("room", "thread", "mention", "network")}
    assert told == {"room": "#ops", "thread": "17", "mention": "1", "network": "irc"}
    assert "direct" not in reply.message
    assert bot("hello").message["direct"] == "1"


def test_what_no_door_could_yield_is_refused(bot: TestBot) -> None:
    with pytest.raises(MessageError, match="'thread'"):
        bot("hello", thread=17)
    with pytest.raises(MessageError, match="empty"):
        bot.service("shop").send({})


def test_a_file_comes_with_its_content(bot: TestBot) -> None:
    reply = bot.service("files").send({"n": "1"})
    assert reply == "here"
    assert reply.file == ("a.txt", b"abc")
    assert bot("hello").file is None


def test_what_is_told_before_the_end_comes_with_the_reply(bot: TestBot) -> None:
    reply = bot("copy")
    assert (reply, reply.notes) == ("copied", ("copying (50%)", "my token is *** (90%)"))
    assert bot("hello").notes == ()


# --- services


def test_the_only_service_with_a_shell_is_meant(bot: TestBot) -> None:
    assert bot("hello").message.service == "chat"


def test_a_service_that_is_not_clear_must_be_named(project: Path, opened: Open) -> None:
    text = SERVICES.replace("  shop:", "  shop:\n    shell: {file: bot, entry: Bot}")
    (project / "cannon-compose.yml").write_text(text)
    with pytest.raises(UsageError, match=r"testbot.service\('chat'\); there are chat, shop"):
        opened(project)("hello")


def test_a_service_that_is_unknown_is_told_with_the_nearest(bot: TestBot) -> None:
    with pytest.raises(UsageError, match=r"no service 'shp' in .*; did you mean 'shop'"):
        bot.service("shp")


def test_a_service_that_is_no_chat_is_sent_its_fields(bot: TestBot) -> None:
    shop = bot.service("shop")
    assert shop.send({"fruit": "apple", "count": "2"}).message["price"] == "6"
    assert shop.send({"fruit": "durian"}).error == "not in this shop"
    assert shop.send({"fruit": "none"}).outcome == "skipped"


def test_a_repeat_is_dropped_until_its_time_is_over(bot: TestBot) -> None:
    shop, order = bot.service("shop"), {"fruit": "apple", "count": "2", "order": "7"}
    assert shop.send(order).outcome == "done"
    assert shop.send(order).outcome is None
    bot.wait(3601)
    assert shop.send(order).outcome == "done"


def test_what_is_settled_leaves_the_backlog(bot: TestBot) -> None:
    shop = bot.service("shop")
    outcomes = [shop.send({"fruit": fruit}).outcome for fruit in ["none", "durian"] * 5]
    assert outcomes == ["skipped", "parked"] * 5


def test_a_full_backlog_is_an_error(project: Path, opened: Open) -> None:
    text = SERVICES.replace(
        "tasks: [{file: bot, entry: price}]", "tasks: [{file: bot, entry: Bad}]"
    )
    (project / "cannon-compose.yml").write_text(text)
    with (project / "app" / "bot.py").open("a") as file:
        file.write("\n\nclass Bad:\n    def __init__(self):\n        raise OSError('no')\n")
        file.write("    def task(self, message, results):\n        pass\n")
    shop = opened(project).service("shop")
    for _ in range(5):
        with pytest.raises(OSError, match="no"):
            shop.send({"n": "1"})
    with pytest.raises(ServiceError, match="shop takes no more messages"):
        shop.send({"n": "1"})


def test_what_is_only_collected_is_stored(bot: TestBot) -> None:
    assert bot.service("only-collected").send({"n": "5"}).outcome is None
    assert bot("seen only-collected 10") == "5"


def test_a_retry_comes_when_its_time_has_passed(bot: TestBot) -> None:
    first, second = (bot.service("late").send({"n": "1"}).message for _ in range(2))
    assert (first["tries"], second["tries"]) == ("3", "4")
    assert second.time - first.time == 120


def test_tries_end(project: Path, opened: Open) -> None:
    reply = opened(project).service("impatient").send({"n": "1"})
    assert (reply.outcome, reply.error) == ("parked", "asked to be tried again in 60 s")


def test_a_message_meets_new_objects_unless_a_worker_takes_many(bot: TestBot) -> None:
    def counts(service: str) -> list[str]:
        return [bot.service(service).send({"n": "1"}).message["count"] for _ in range(2)]

    assert counts("fresh") == ["1", "1"]
    assert counts("kept") == ["1", "2"]


def test_a_program_runs_to_its_end_or_is_undone(bot: TestBot) -> None:
    buys = bot.service("buys")
    done = json.loads(buys.send({"item": "apple"}).message["body"])
    assert (done["ok"], done["result"]) == (True, {"order": "an apple"})
    undone = buys.send({"item": "elephant"})
    assert undone.outcome == "done"
    assert json.loads(undone.message["body"])["error"]["step"] == "charge"
    assert sys.modules["app.steps"].DID == ["reserve", "charge", "reserve", "release"]


# --- the ledger, secrets, the app


def test_the_ledger_holds_what_was_put_and_what_was_said(bot: TestBot) -> None:
    for ago, n in ((90.0, "1"), (30.0, "2"), (0.0, "3"), (0.0, "4")):
        bot.put("shop", {"n": n}, ago=ago)
    assert bot("seen shop 60") == "2\n3\n4"
    bot.wait(45)
    assert bot("seen shop 60") == "3\n4"
    bot("boom")
    assert bot("counts").split() == ["data", "4", "taskback", "3", "dead", "1"]
    assert bot("others") == "chat,shop"


def test_what_is_put_comes_in_order(bot: TestBot) -> None:
    bot.put("shop", {"n": "2"})
    with pytest.raises(UsageError, match="put the oldest first"):
        bot.put("shop", {"n": "1"}, ago=5)
    with pytest.raises(UsageError, match="no service"):
        bot.put("shopp", {"n": "1"})


def test_time_passes_forward_only(bot: TestBot) -> None:
    with pytest.raises(UsageError, match="forward"):
        bot.wait(-1)


def test_a_secret_is_made_up_and_hidden_or_taken_from_the_environment(
    project: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert opened(project)("token") == "my token is ***"
    monkeypatch.setenv("BOTCANNON_SECRET_BOT_TOKEN", "is")
    assert opened(project)("token") == "my token *** ***"


def test_two_projects_do_not_meet_each_others_app(project: Path, opened: Open) -> None:
    other = project / "other"
    (other / "app").mkdir(parents=True)
    (other / "app" / "bot.py").write_text(
        "class Bot:\n    def hello(self):\n        return 'other'\n"
    )
    tail = "shell: {file: bot, entry: Bot}, tasks: [{file: torch, entry: Torch}]}}\n"
    head = "services: {chat: {collector: {file: timer, entry: Timer}, "
    (other / "cannon-compose.yml").write_text(head + tail)
    before = list(sys.path)
    with bot_of(project) as first:
        assert first("hello") == "Hello, stranger!"
        with bot_of(other) as second:
            assert second("hello") == "other"
        assert sys.modules["app.bot"].__file__ == str(project / "app" / "bot.py")
        assert first("hello") == "Hello, stranger!"
    assert sys.path == before


def test_a_folder_may_be_a_text(project: Path) -> None:
    with bot_of(str(project)) as bot:
        assert bot("hello Ada") == "Hello, Ada!"


# --- what is wrong with a project


def test_a_folder_of_no_project_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no cannon-compose\.yml in"), bot_of(tmp_path):
        pass


def test_a_broken_service_is_told_with_its_place(project: Path, opened: Open) -> None:
    broken = SERVICES.replace("backlog: {max: 5}", "backlog: {mx: 5}")
    (project / "cannon-compose.yml").write_text(broken)
    bot = opened(project)
    assert bot("hello") == "Hello, stranger!"
    with pytest.raises(ComposeError, match=r"cannon-compose.yml:\d+: services.shop.backlog"):
        bot.service("shop")


def test_a_class_that_is_not_there_is_told_with_its_place(project: Path, opened: Open) -> None:
    (project / "cannon-compose.yml").write_text(SERVICES.replace("entry: Bot,", "entry: Bto,"))
    with pytest.raises(ComposeError, match=r"no 'Bto' in app/bot\.py; did you mean 'Bot'"):
        opened(project)("hello")


# --- in real processes


@pytest.mark.story
def test_a_real_one_answers_the_same_from_processes_of_its_own(bot: TestBot) -> None:
    real = bot.real()
    assert real("hello Ada") == bot("hello Ada")
    assert int(real("process")) != os.getpid()
    assert real("process") != real("process")
    assert real("deploy prod", room="#ops").startswith("this will run")
    assert real("yes", room="#ops") == "deployed prod"
    assert real("token") == "my token is ***"
    assert real("helo").is_refused
    wrong = real("boom")
    assert (wrong.error, "bot.py" in wrong.trace) == ("ValueError: it broke", True)
    assert "exit code 9" in (real("die").error or "")
    assert "copying (50%)" in real("copy --seconds=0.7").notes
    real.put("shop", {"n": "1"}, ago=30.0)
    assert real("seen shop 60") == "1"
    assert real.service("files").send({"n": "1"}).file == ("a.txt", b"abc")
    order = {"fruit": "apple", "count": "2", "order": "7"}
    assert real.service("shop").send(order).message["price"] == "6"
    assert real.service("shop").send(order).outcome is None
    with pytest.raises(UsageError, match="cannot be skipped"):
        real.wait(5)


@pytest.mark.story
def test_of_a_real_one_nothing_is_left_behind(project: Path) -> None:
    def below() -> dict[int, str]:
        return {one.pid: cwd_of(one) for one in psutil.Process().children(recursive=True)}

    before = below()
    with bot_of(project) as bot:
        bot.real()("hello")
        started = {pid: cwd for pid, cwd in below().items() if pid not in before}
        folders = {cwd for cwd in started.values() if "testbot-" in cwd}
        assert len(started) >= 4  # a server, a launcher, a pool, a forker
        assert folders
    assert [pid for pid in started if psutil.pid_exists(pid)] == []
    assert [folder for folder in folders if Path(folder).exists()] == []
    assert not (project / ".botcannon").exists()


def cwd_of(process: psutil.Process) -> str:
    try:
        return process.cwd()
    except psutil.Error:  # it has just ended
        return ""


@pytest.mark.story
def test_a_real_one_that_cannot_be_up_says_why(project: Path, opened: Open) -> None:
    (project / "app" / "bot.py").write_text("class Bot:\n    pass\n\nraise OSError('no disk')\n")
    with pytest.raises(ServiceError, match="no disk"):
        opened(project).real()("hello")


# --- in pytest


def test_it_is_a_fixture_of_a_project_that_takes_one_line(project: Path) -> None:
    (project / "tests" / "conftest.py").write_text(
        "from botcannon_core.testing import testbot\n\n__all__ = ['testbot']\n"
    )
    (project / "tests" / "test_bot.py").write_text(
        textwrap.dedent("""
        from botcannon_core.testing import TestBot

        def test_it_greets(testbot: TestBot) -> None:
            assert testbot("hello Ada") == "Hello, Ada!"
            assert testbot("counts").split()[1] == "2"

        def test_another_test_meets_an_empty_store(testbot: TestBot) -> None:
            assert testbot("counts").split()[1] == "1"
        """)
    )
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "tests"]
    ours = {n: v for n, v in os.environ.items() if not n.startswith(("BOTCANNON_", "PYTEST_"))}
    ended = subprocess.run(
        words,
        cwd=project,
        env=ours | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "2 passed" in ended.stdout, ended.stdout


def test_whoever_has_no_pytest_can_use_the_rest() -> None:
    code = (
        "import sys, json; sys.modules['pytest'] = None; import botcannon_core.testing as t; "
        "print(json.dumps([t.run.__name__, hasattr(t, 'nonsense')]))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert json.loads(ended.stdout or ended.stderr) == ["run", False]
