import pytest

from botcannon_core.collectors.irc.line import LINE_BYTES, Line, fold, line, parse, plain, texts
from botcannon_core.collectors.irc.place import Pace


def test_a_line_is_taken_apart() -> None:
    raw = b"@account=ann;time=2024-05-01T10:00:00.000Z :ann!a@h PRIVMSG #ops :hello: you\r\n"
    heard = parse(raw)
    assert (heard.command, heard.words, heard.nick) == ("PRIVMSG", ("#ops", "hello: you"), "ann")
    assert heard.source == "ann!a@h"
    assert heard.tags["account"] == "ann"
    assert heard.time == 1714557600.0


def test_escaped_tags_are_read() -> None:
    assert parse(rb"@a=x\:y\sz\\;b;c= PING :x").tags == {"a": "x;y z\\", "b": "", "c": ""}


@pytest.mark.parametrize(
    "raw", [b"", b"\r\n", b":", b"@", b"@a", b":a", b" ", b"PING", b":a  PING"]
)
def test_a_strange_line_is_no_exception(raw: bytes) -> None:
    heard = parse(raw)
    assert (heard.words, heard.last, heard.time) == ((), "", 0.0)


def test_a_line_that_is_not_utf8_is_latin1() -> None:
    assert parse(b":a!b@c PRIVMSG bot :caf\xe9").last == "café"


def test_nothing_said_begins_another_line_or_commands_the_reader() -> None:
    raw = line("PRIVMSG", "#ops", "one\r\nQUIT :bye\0\x01VERSION\x01")
    assert raw == b"PRIVMSG #ops :one  QUIT :bye  VERSION \r\n"


@pytest.mark.parametrize("target", ["", "a b", ":a", "a\r\nQUIT"])
def test_a_target_that_is_no_word_is_refused(target: str) -> None:
    with pytest.raises(ValueError, match="no word"):
        line("PRIVMSG", target, "hi")


def test_a_line_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than 512"):
        line("PRIVMSG", "#ops", "x" * 500)


@pytest.mark.parametrize("letter", ["x", "é", "🎈"])
def test_what_others_get_fits_a_line_with_who_sent_it(letter: str) -> None:
    source = "bot!user@some.host.example"
    pieces = texts(letter * 1000, "#ops", source, most=20)
    assert "".join(pieces) == letter * 1000
    sizes = [len(f":{source} PRIVMSG #ops :{piece}\r\n".encode()) for piece in pieces]
    assert max(sizes) <= LINE_BYTES
    assert max(sizes) > LINE_BYTES - 4


def test_fences_and_blank_lines_are_not_said() -> None:
    assert texts("look:\n```py\na = 1\n\n\tb\n```", "#ops", "b!b@h", 9) == [
        "look:",
        "a = 1",
        "    b",
    ]


def test_an_answer_of_many_lines_says_how_many_are_left() -> None:
    assert texts("\n".join("abcdef"), "#ops", "b!b@h", 3) == ["a", "b", "… 4 more lines"]


def test_colours_and_dress_are_taken_off() -> None:
    assert plain("\x02bold\x02 \x0304,12red\x03 \x034x \x04ff0000hex\x0f \x1d\x1f\x1e\x11\x16") == (
        "bold red x hex "
    )
    assert plain("\x03,5 10,2") == ",5 10,2"


def test_names_are_compared_as_irc_does() -> None:
    assert fold("Bot[1]\\~") == "bot{1}|^"


def test_the_first_lines_go_out_at_once_and_the_rest_in_their_time() -> None:
    pace = Pace(burst=3, pause=2.0)
    assert [pace.wait(100.0) for _ in range(5)] == [0.0, 0.0, 0.0, 2.0, 4.0]
    assert pace.wait(104.0) == 2.0
    assert pace.wait(200.0) == 0.0


def test_a_line_without_words_has_no_last_one() -> None:
    assert Line("PING").last == ""
