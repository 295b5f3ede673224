"""Lines from a real pipe: partial ones, endless ones, and bytes that are no text."""

import os
from collections.abc import Iterator

import pytest

from botcannon_core.cannon.lines import LONGEST_LINE_BYTES, Lines


class Pipe:
    def __init__(self) -> None:
        read_end, self.write_end = os.pipe()
        self.lines = Lines(read_end)

    def write(self, data: bytes) -> None:
        os.write(self.write_end, data)

    def end(self) -> None:
        os.close(self.write_end)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.lines.close()


def test_a_line_waits_for_its_end(pipe: Pipe) -> None:
    pipe.write(b"hel")
    assert pipe.lines.read() == []
    pipe.write(b"lo\nwor")
    assert pipe.lines.read() == ["hello"]
    pipe.write(b"ld\n")
    assert pipe.lines.read() == ["world"]


def test_an_empty_line_is_a_line_and_a_return_is_none(pipe: Pipe) -> None:
    pipe.write(b"\n\r\none\r\n")
    assert pipe.lines.read() == ["", "", "one"]


def test_reading_when_nothing_is_there_does_not_wait(pipe: Pipe) -> None:
    assert pipe.lines.read() == []
    assert not pipe.lines.is_closed


def test_bytes_that_are_no_text_survive_as_replacements(pipe: Pipe) -> None:
    pipe.write(b"a\xffb\n\xe2\x82\n")
    assert pipe.lines.read() == ["a�b", "�"]


def test_a_character_may_come_in_two_pieces(pipe: Pipe) -> None:
    pipe.write("€".encode()[:1])
    assert pipe.lines.read() == []
    pipe.write("€".encode()[1:] + b"\n")
    assert pipe.lines.read() == ["€"]


def test_a_line_without_end_is_cut(pipe: Pipe) -> None:
    text = b"x" * (LONGEST_LINE_BYTES + 1)
    pipe.write(text)
    assert pipe.lines.read() == [text.decode()]
    pipe.write(b"rest\n")
    assert pipe.lines.read() == ["rest"]


def test_the_unfinished_last_line_comes_at_the_end_of_the_pipe(pipe: Pipe) -> None:
    pipe.write(b"one\ntwo")
    pipe.end()
    assert pipe.lines.read() == ["one"]
    assert pipe.lines.read() == ["two"]
    assert pipe.lines.is_closed
    assert pipe.lines.read() == []


def test_the_last_lines_of_a_dead_child_are_had_at_once(pipe: Pipe) -> None:
    pipe.write(b"one\ntwo")
    pipe.end()
    assert pipe.lines.last() == ["one", "two"]


def test_the_last_lines_do_not_wait_for_a_descendant(pipe: Pipe) -> None:
    pipe.write(b"one\ntwo")
    assert pipe.lines.last() == ["one", "two"]
    pipe.end()


def test_closing_twice_is_closing(pipe: Pipe) -> None:
    pipe.lines.close()
    pipe.lines.close()
    assert pipe.lines.fileno() == -1
    assert pipe.lines.read() == []
