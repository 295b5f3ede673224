"""The log read again."""

import pytest

from botcannon_core.ledger.stream import Entry
from botcannon_core.view.logged import merged, said


def line(text: str, with_colours: bool) -> str:
    return "\n".join(said("s", Entry("1-0", {"text": text})).lines(with_colours))


def test_services_are_merged_by_time() -> None:
    recent = {
        "a": [Entry("1-0", {"text": "1"}), Entry("4-0", {"text": "4"})],
        "b": [Entry("2-0", {"text": "2"}), Entry("3-0", {"text": "3"})],
    }
    assert [one.text for one in merged(recent, 9)] == ["1", "2", "3", "4"]
    assert [one.text for one in merged(recent, 2)] == ["3", "4"]
    assert merged(recent, 0) == []


def test_whoever_spoke_is_named() -> None:
    assert said("chat", Entry("1-0", {"part": "worker-2"})).name == "chat.worker-2"
    assert said("chat", Entry("1-0", {})).name == "chat"


HARMFUL = [
    "\x1b]0;title\x07",
    "\x1b]52;c;Zm9v",
    "\x1b[2J",
    "\x1b[6n",
    "\x1bc",
    "\r",
    "\x08",
    "\x1b",
]


@pytest.mark.parametrize("with_colours", [True, False])
@pytest.mark.parametrize("harm", HARMFUL)
def test_what_does_more_than_colour_never_reaches_a_terminal(harm: str, with_colours: bool) -> None:
    shown = line(f"\x1b[31mred{harm}", with_colours)
    assert shown.replace("\x1b[31m", "").replace("\x1b[0m", "") == "red"


def test_colours_stay_for_a_terminal_and_end_with_their_line() -> None:
    assert line("a \x1b[1;31mred\x1b[0m b", with_colours=True) == "a \x1b[1;31mred\x1b[0m b\x1b[0m"
    assert line("a \x1b[1;31mred\x1b[0m b", with_colours=False) == "a red b"
    assert line("plain", with_colours=True) == "plain"
