from pathlib import Path

import pytest

from botcannon_core.compose.reader import Reading, read
from botcannon_core.compose.spec import (
    ClassSpec,
    KeepSpec,
    RestartSpec,
    Secret,
    StoreSpec,
    WorkersSpec,
)

SMALLEST = """\
services:
  chat:
    collector: {file: terminal, entry: Terminal}
"""


@pytest.fixture
def written(tmp_path: Path) -> Path:
    return tmp_path / "cannon-compose.yml"


def reading(written: Path, text: str) -> Reading:
    written.write_text(text)
    return read(written)


def told(written: Path, text: str) -> list[str]:
    """The problems of a file, without the folder it is in."""
    return [str(p).replace(str(written), "F") for p in reading(written, text).problems]


def test_the_smallest_file_has_every_default(written: Path) -> None:
    found = reading(written, SMALLEST)
    assert found.problems == ()
    assert (found.spec.namespace, found.spec.store) == ("DEFAULT", StoreSpec())
    chat = found.spec.services["chat"]
    assert chat.collector == ClassSpec(
        "collector", "terminal", "Terminal", None, {}, chat.collector.place
    )
    assert (chat.shell, chat.tasks, chat.poll, chat.stop_grace) == (None, (), 0.01, 10.0)
    assert (chat.workers, chat.restart, chat.keep) == (WorkersSpec(), RestartSpec(), KeepSpec())


def test_every_key_is_read(written: Path) -> None:
    found = reading(
        written,
        """\
namespace: SHOP
store: {url: "redis://host", fsync: always}
services:
  chat:
    collector: {file: net.irc, entry: Irc, poll: 1s, conf: {key: irc, kwargs: {nick: bot}}}
    shell: {file: desk, entry: Desk}
    tasks: [{file: torch, entry: Torch}, {file: steps, entry: last, conf: {kwargs: {n: 1}}}]
    workers: {hot: 3, idle: 2, max: 4, cooldown: 1m, timeout: 500ms, lazy: true}
    restart: {max: 5, backoff: 1s, backoff_max: 1h}
    stop_grace: 3
    keep: {messages: 10, age: 1d}
""",
    )
    assert found.problems == ()
    assert found.spec.namespace == "SHOP"
    assert found.spec.store == StoreSpec("redis://host", "always")
    chat = found.spec.services["chat"]
    assert (chat.collector.file, chat.collector.key, chat.collector.kwargs) == (
        "net.irc",
        "irc",
        {"nick": "bot"},
    )
    assert (chat.poll, chat.stop_grace) == (1.0, 3.0)
    assert [(task.role, task.entry, task.kwargs) for task in chat.tasks] == [
        ("task", "Torch", {}),
        ("task", "last", {"n": 1}),
    ]
    assert chat.workers == WorkersSpec(3, 2, 4, 60.0, 0.5, True)
    assert chat.restart == RestartSpec(5, 1.0, 3600.0)
    assert chat.keep == KeepSpec(10, 86_400.0)


def test_the_store_may_be_just_an_address(written: Path) -> None:
    assert reading(written, "store: unix:///x\n" + SMALLEST).spec.store == StoreSpec("unix:///x")


def test_tasks_may_be_a_mapping_and_keep_their_order(written: Path) -> None:
    found = reading(
        written,
        SMALLEST
        + "    tasks:\n      z: {file: b, entry: B}\n      torch: {file: torch, entry: Torch}\n",
    )
    tasks = found.spec.services["chat"].tasks
    assert [(t.file, t.place.path) for t in tasks] == [
        ("b", "services.chat.tasks.z"),
        ("torch", "services.chat.tasks.torch"),
    ]


def test_a_key_alone_leaves_the_kwargs_to_be_found(written: Path) -> None:
    text = SMALLEST.replace("Terminal}", "Terminal, conf: {key: t}}")
    collector = reading(written, text).spec.services["chat"].collector
    assert (collector.key, collector.kwargs) == ("t", None)


@pytest.mark.parametrize("mark", ["!!SECRET!!", '"!!SECRET!!"', "'!!SECRET!!'"])
@pytest.mark.parametrize(
    "form",
    [
        "{{key: t, kwargs: {{a: {0}, b: 1}}}}",
        "\n        key: t\n        kwargs:\n          a: {0}\n          b: 1",
    ],
)
def test_a_secret_is_read_bare_and_quoted_in_both_forms(
    written: Path, mark: str, form: str
) -> None:
    text = f"""\
services:
  chat:
    collector:
      file: terminal
      entry: Terminal
      conf: {form.format(mark)}
"""
    found = reading(written, text)
    assert found.problems == ()
    collector = found.spec.services["chat"].collector
    assert collector.kwargs == {"a": Secret(), "b": 1}
    assert collector.secrets == ("a",)


def test_a_secret_without_a_key_is_refused_where_it_stands(written: Path) -> None:
    text = SMALLEST.replace("Terminal}", "Terminal, conf: {kwargs: {a: 1,\n      b: !!SECRET!!}}}")
    assert told(written, text) == [
        "F:4: services.chat.collector.conf.kwargs.b: a secret needs a `key` beside `kwargs`, "
        "under which it is kept"
    ]


def test_values_go_to_the_class_as_yaml_gives_them(written: Path) -> None:
    kwargs = "{n: 1, f: 1.5, t: x, y: true, z: null, l: [1, {a: b}], m: {1: x}, on: 2}"
    text = SMALLEST.replace("Terminal}", f"Terminal, conf: {{kwargs: {kwargs}}}}}")
    collector = reading(written, text).spec.services["chat"].collector
    assert collector.kwargs == {
        "n": 1,
        "f": 1.5,
        "t": "x",
        "y": True,
        "z": None,
        "l": [1, {"a": "b"}],
        "m": {1: "x"},
        "on": 2,
    }


def test_every_place_can_be_named(written: Path) -> None:
    text = """\
services:
  chat:
    collector:
      file: terminal
      entry: Terminal
      conf:
        key: t
        kwargs:
          a: 1
          rooms:
            - lobby
            - {name: attic,
               size: 3}
"""
    collector = reading(written, text).spec.services["chat"].collector
    lines = {n: collector.at(n).line for n in ("file", "entry", "conf.key", "conf.kwargs.a")}
    assert lines == {"file": 4, "entry": 5, "conf.key": 7, "conf.kwargs.a": 9}
    deep = collector.at("conf.kwargs.rooms[1].size")
    assert (deep.line, deep.path) == (13, "services.chat.collector.conf.kwargs.rooms[1].size")
    assert collector.at("conf.kwargs.rooms[5].size.x").path.endswith("kwargs.rooms")
    assert collector.at("conf.kwargs.b").path == "services.chat.collector.conf.kwargs"
    assert collector.at("nothing") == collector.place


def test_an_unknown_key_is_refused_with_a_suggestion(written: Path) -> None:
    assert told(written, SMALLEST + "    workres: {}\n") == [
        "F:4: services.chat.workres: unknown key; did you mean 'workers'?"
    ]


def test_a_duplicate_key_is_refused(written: Path) -> None:
    assert told(written, SMALLEST + "    poll: 1\n" + SMALLEST[10:])[-1] == (
        "F:5: services.chat: stands twice; first in line 2"
    )


def test_a_duplicate_key_deep_among_kwargs_is_refused(written: Path) -> None:
    text = SMALLEST.replace("Terminal}", "Terminal, conf: {kwargs: {a: {b: 1, b: 2}}}}")
    assert told(written, text) == [
        "F:3: services.chat.collector.conf.kwargs.a.b: stands twice; first in line 3"
    ]


def test_all_problems_are_told_at_once_in_the_order_of_their_lines(written: Path) -> None:
    text = """\
namespace: a b
services:
  one: {collector: {file: x.py, entry: X}}
  two:
    workers: {hot: 9, max: 3}
    tasks: [{file: a}, 3]
"""
    assert [line.split(":")[:3] for line in told(written, text)] == [
        ["F", "1", " namespace"],
        ["F", "3", " services.one.collector.file"],
        ["F", "5", " services.two"],
        ["F", "5", " services.two.workers"],
        ["F", "6", " services.two.tasks[0]"],
        ["F", "6", " services.two.tasks[1]"],
    ]


@pytest.mark.parametrize("key", ["concurrency: 2", "max_messages: 50", "max_rss: 1GB"])
@pytest.mark.parametrize("isolation", ["", ", isolation: message"])
def test_what_a_worker_for_one_message_would_not_heed_is_refused(
    written: Path, key: str, isolation: str
) -> None:
    assert told(written, f"{SMALLEST}    workers: {{{key}{isolation}}}\n") == [
        f"F:4: services.chat.workers: {key.partition(':')[0]} needs isolation: worker; "
        "by message each has a process of its own"
    ]


def test_what_is_for_workers_of_many_messages_may_say_that_they_take_one(written: Path) -> None:
    many = "{isolation: worker, concurrency: 2, max_messages: 50, max_rss: 1GB}"
    for workers in (many, "{concurrency: 1, max_messages: 1}"):
        assert told(written, f"{SMALLEST}    workers: {workers}\n") == []


def test_a_broken_service_leaves_the_others_alone(written: Path) -> None:
    found = reading(written, SMALLEST + "  bad: {collector: {file: x}}\n  odd: 3\n")
    assert list(found.spec.services) == ["chat"]
    assert sorted(found.broken) == ["bad", "odd"]
    assert set(found.problems) == {*found.broken["bad"], *found.broken["odd"]}


def test_defaults_step_aside_for_a_small_max(written: Path) -> None:
    found = reading(written, SMALLEST + "    workers: {max: 1}\n    restart: {backoff: 5m}\n")
    assert found.problems == ()
    chat = found.spec.services["chat"]
    assert (chat.workers.hot, chat.workers.idle, chat.workers.max) == (1, 1, 1)
    assert chat.restart.backoff_max == 300.0


def test_anchors_and_merge_keys_can_be_used(written: Path) -> None:
    text = """\
services:
  one: &one
    collector: &terminal {file: terminal, entry: Terminal}
    stop_grace: 3s
  two:
    <<: *one
    stop_grace: 4s
  three: {<<: [{stop_grace: 5s}, *one], collector: *terminal}
"""
    found = reading(written, text)
    assert found.problems == ()
    assert {n: s.stop_grace for n, s in found.spec.services.items()} == {
        "one": 3.0,
        "two": 4.0,
        "three": 5.0,
    }
    assert {s.collector.file for s in found.spec.services.values()} == {"terminal"}


def test_a_missing_file_says_what_to_do(written: Path) -> None:
    (problem,) = read(written).problems
    assert "botcannon init" in problem.text
    assert "--file" in problem.text


def test_a_folder_is_no_compose_file(tmp_path: Path) -> None:
    (problem,) = read(tmp_path).problems
    assert "is a folder" in problem.text


def test_a_file_with_a_byte_order_mark_is_read(written: Path) -> None:
    written.write_bytes(b"\xef\xbb\xbf" + SMALLEST.encode())
    assert read(written).problems == ()


def test_a_password_in_the_address_is_never_shown(written: Path) -> None:
    found = reading(written, "store: redis://:hunter2@host\n" + SMALLEST)
    assert "hunter2" not in repr(found)
    assert "hunter2" not in str(told(written, "store: ':hunter2@host'\n" + SMALLEST))


def test_the_code_of_a_service_with_a_mistake_beside_it_is_still_checked(tmp_path: Path) -> None:
    file = tmp_path / "cannon-compose.yml"
    file.write_text("services: {a: {colour: red, collector: {file: nobody, entry: N}}}")
    reading = read(file)
    assert "a" in reading.broken
    assert "a" not in reading.spec.services
    assert reading.checkable.services["a"].collector.file == "nobody"


@pytest.mark.parametrize(
    "key", ["shell: {fil: x}", "colour: red, tasks: [{file: a, entry: A, conf: 7}]"]
)
def test_code_that_would_be_wronged_by_what_is_missing_is_not_checked(
    key: str, tmp_path: Path
) -> None:
    file = tmp_path / "cannon-compose.yml"
    file.write_text(f"services: {{a: {{{key}, collector: {{file: x, entry: X}}}}}}")
    assert not read(file).checkable.services
