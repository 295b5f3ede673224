"""Torch against every line of the collected attacks, each in a process of its own as in a worker."""

import os
from contextlib import nullcontext as nothing
from pathlib import Path

import pytest

from botcannon_core.chat.command import run
from botcannon_core.errors import MessageError
from botcannon_core.message import Message
from botcannon_core.roles import Skip
from botcannon_core.tasks.torch import Torch
from botcannon_core.tasks.torch.printed import Printed
from tests.chat.musts import check
from tests.chat.prey import attack
from tests.chat.victims import Line, declared, lines, shell

DEADLINE = {"killed": 0.5}  # seconds; the commands of this kind never end by themselves
LINES = lines("sample") + lines("attacks")


@pytest.mark.parametrize("line", LINES, ids=str)
def test_a_line_comes_to_what_it_must(line: Line, tmp_path: Path) -> None:
    seen = attack(line.shell, line.text, tmp_path / "log", DEADLINE.get(line.must, 20.0))
    check(line, seen)


@pytest.mark.parametrize("line", [n for n in LINES if n.must == "refuse"], ids=str)
def test_what_is_refused_is_told_as_a_refusal(line: Line) -> None:
    assert run(shell(line.shell), line.text).kind == "refused"


@pytest.fixture(autouse=True)
def victim_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VICTIM_LOG", str(tmp_path / "log"))


def torch_of(name: str = "Small", **kwargs: object) -> Torch:
    declared("traps")
    return Torch(shell(name), **kwargs)


def test_the_text_is_taken_from_the_results_before_the_message() -> None:
    message = Message({"text": "greet message"})
    assert torch_of().task(message, {}) == {"text": "hello message"}
    assert torch_of().task(message, {"text": "greet results"}) == {"text": "hello results"}


def test_the_keys_say_where_text_comes_from_and_goes_to() -> None:
    torch = torch_of(in_key="ask", out_key="say")
    assert torch.task(Message({"ask": "greet ann", "text": "wave"}), {}) == {"say": "hello ann"}


def test_a_message_without_text_is_skipped() -> None:
    with pytest.raises(Skip):
        torch_of().task(Message({"other": "x"}), {})


def test_results_that_are_no_text_are_an_error_that_names_them() -> None:
    with pytest.raises(MessageError, match="'text' holds a dict"):
        torch_of().task(Message({}), {"text": {}})


def test_a_reply_is_as_long_as_asked_and_says_what_was_cut() -> None:
    reply = torch_of("Shell", max_output=100).task(Message({"text": "big 1000"}), {})["text"]
    assert len(reply) <= 100
    shown, tail = reply.split("\n")
    assert tail == f"… {1_000 - len(shown):,} more characters"


@pytest.mark.parametrize("limit", [0, -1, "100", 1.5, True, None])
def test_a_limit_that_is_none_is_refused_at_once(limit: object) -> None:
    for name in ("max_output", "max_items"):
        with pytest.raises(ValueError, match=f"{name} must be a whole number above 0"):
            torch_of(**{name: limit})


def test_a_generator_gives_as_many_items_as_asked() -> None:
    reply = torch_of("Shell", max_items=3).task(Message({"text": "forever"}), {})["text"]
    assert reply == "0\n1\n2\n… and more"


def test_an_exception_of_the_shell_passes_through_with_what_was_printed() -> None:
    with pytest.raises(ValueError, match="first") as raised:
        torch_of("Traps").task(Message({"text": "fails"}), {})
    assert raised.value.__notes__ == ["printed before: clue"]


def test_what_python_descriptors_and_children_print_comes_before_the_result() -> None:
    reply = torch_of("Traps").task(Message({"text": "speaking"}), {})["text"]
    assert reply.splitlines() == ["first", "then", "from a child", "at last"]


def test_after_a_command_printing_goes_where_it_went_before(
    capfd: pytest.CaptureFixture[str],
) -> None:
    for text in ("speaking", "shutting", "closing"):
        torch_of("Traps").task(Message({"text": text}), {})
        os.write(1, f"after {text}\n".encode())
        print(f"printed after {text}")
    told = "".join(f"after {t}\nprinted after {t}\n" for t in ("speaking", "shutting", "closing"))
    out, err = capfd.readouterr()
    assert out == told
    assert [line.split()[0] for line in err.splitlines()] == ["audit"] * 3


def test_no_descriptor_is_left_open() -> None:
    before = sorted(os.listdir("/proc/self/fd"))
    for text in ("speaking", "shutting", "fails"):
        with pytest.raises(ValueError) if text == "fails" else nothing():  # noqa: PT011 - its own
            torch_of("Traps").task(Message({"text": text}), {})
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_more_than_is_kept_of_what_is_printed_is_read_and_dropped() -> None:
    printed = Printed(limit=10)
    with printed.caught():
        os.write(1, b"0123456789" * 100_000)
    assert printed.text == "0123456789"


def test_what_is_printed_does_not_push_the_result_out(tmp_path: Path) -> None:
    reply = attack("Traps", "verbose", tmp_path / "log").reply
    assert reply is not None
    assert reply.endswith("more characters\nat last")
    assert len(reply) <= 4_000
