import base64

import pytest

from botcannon_core.chat.answer import Attachment, answer, attachment, note, text_and_file
from botcannon_core.message import Message


def taskback(**fields: str) -> Message:
    return Message({"_outcome": "done", **fields})


def with_file(content: bytes, name: str = "plot.png", **fields: str) -> Message:
    encoded = base64.b64encode(content).decode()
    return taskback(file_name=name, file_base64=encoded, **fields)


def test_an_answer_is_its_text() -> None:
    assert answer(taskback(text="hello")) == "hello"


def test_a_parked_message_is_one_line_with_its_id() -> None:
    parked = taskback(_outcome="parked", _error="it broke", _error_id="a1b2", text="asked")
    assert answer(parked) == "error: it broke (log a1b2)"
    assert answer(taskback(_outcome="parked")) == "error: this could not be done"


@pytest.mark.parametrize(
    "fields", [{"_outcome": "skipped", "text": "asked"}, {"_empty": "1", "text": "asked"}, {}]
)
def test_an_outcome_without_a_reply_says_nothing(fields: dict[str, str]) -> None:
    assert answer(taskback(**fields)) is None


def test_what_was_cancelled_says_so_and_what() -> None:
    ended = Message({"text": "slow  " + "x" * 100, "_outcome": "skipped", "_error": "cancelled"})
    told = answer(ended)
    assert told is not None
    assert told.startswith("cancelled: slow xxx")
    assert len(told) < 80


def test_a_note_is_no_answer() -> None:
    assert note(Message({"text": "slow", "_note": "half"})) == "… half"
    assert note(Message({"text": "slow"})) == ""


def test_a_file_comes_with_its_name() -> None:
    assert attachment(with_file(b"\x89PNG")) == Attachment("plot.png", b"\x89PNG")
    assert attachment(taskback(text="hello")) is None


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\x.txt", "x.txt"),
        ("", "file"),
        ("..", "file"),
        ("a\r\nb", "ab"),
    ],
)
def test_a_files_name_leads_nowhere(name: str, shown: str) -> None:
    file = attachment(with_file(b"x", name))
    assert file is not None
    assert file.name == shown


def test_a_file_that_is_too_large_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match=r"plot.png is larger than the 10 bytes"):
        attachment(with_file(b"x" * 11), most=10)


def test_a_file_of_just_the_most_is_sent() -> None:
    assert attachment(with_file(b"x" * 11), most=11) == Attachment("plot.png", b"x" * 11)


def test_what_is_no_base64_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="no base64"):
        attachment(taskback(file_name="a", file_base64="a!b"))


def test_a_failed_message_sends_no_file() -> None:
    assert attachment(with_file(b"x", _outcome="parked")) is None


def test_an_answer_goes_with_its_file_or_says_why_there_is_none() -> None:
    assert text_and_file("see", with_file(b"x", "a.txt")) == ("see", Attachment("a.txt", b"x"))
    assert text_and_file("hello", taskback(text="hello")) == ("hello", None)
    text, file = text_and_file("see", taskback(file_name="a.txt", file_base64="no base64!"))
    assert (text, file) == ("see\na.txt could not be sent: its content is no base64", None)
