import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botcannon_core.collectors.socket.framing import Bare, CutOff, Framing, Lines, Sized, TooLarge

MOST = 1000

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text(), values, max_size=4)


def heard(framing: Framing, data: bytes, cuts: list[int]) -> list[bytes]:
    """What comes of `data` in pieces, cut at these places."""
    places = sorted({min(cut, len(data)) for cut in cuts})
    pieces = [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]
    return [one for piece in pieces for one in framing.feed(piece)] + framing.end()


@pytest.mark.parametrize("make", [Lines, Sized, Bare])
@given(asked=st.lists(objects, max_size=4), cuts=st.lists(st.integers(0, 500)))
def test_documents_come_out_as_they_went_in_whatever_the_pieces(
    make: type[Lines], asked: list[dict[str, object]], cuts: list[int]
) -> None:
    framing = make(100_000)
    data = b"".join(framing.frame(json.dumps(one).encode()) for one in asked)
    assert [json.loads(one) for one in heard(framing, data, cuts)] == asked
    assert not framing.has_begun


@given(asked=objects, cuts=st.lists(st.integers(0, 500)))
def test_a_bare_document_may_have_lines_and_blanks_around_it(
    asked: dict[str, object], cuts: list[int]
) -> None:
    data = b"\r\n " + json.dumps(asked, indent=2, ensure_ascii=False).encode() + b"\n\n"
    assert [json.loads(one) for one in heard(Bare(100_000), data, cuts)] == [asked]


@pytest.mark.parametrize("make", [Lines, Bare])
def test_the_end_of_what_is_said_ends_a_document(make: type[Lines]) -> None:
    framing = make(MOST)
    assert list(framing.feed(b'{"a": 1')) == []
    assert framing.has_begun
    assert framing.end() == [b'{"a": 1']
    assert framing.end() == []


def test_a_sized_document_that_is_cut_off_is_none() -> None:
    framing = Sized(MOST)
    assert list(framing.feed(framing.frame(b"{}")[:-1])) == []
    with pytest.raises(CutOff):
        framing.end()


def test_empty_lines_are_nothing() -> None:
    assert list(Lines(MOST).feed(b"\n\r\n{}\r\n \n")) == [b"{}\r"]


@pytest.mark.parametrize("data", [b"hello", b"}", b'{"a": "b\nc', b"\xff\xfe", b'"text"'], ids=repr)
def test_what_can_be_no_document_ends_at_once_where_none_is_framed(data: bytes) -> None:
    assert b"".join(Bare(MOST).feed(data))


@pytest.mark.parametrize(
    "data", [b'{"a": "}', b'{"a": "\\"}', b'{"a": "\\', b"[{}", b" "], ids=repr
)
def test_a_bracket_in_a_text_ends_nothing(data: bytes) -> None:
    assert list(Bare(MOST).feed(data)) == []


@pytest.mark.parametrize("make", [Lines, Sized, Bare])
def test_what_came_before_one_that_is_too_large_is_heard(make: type[Lines]) -> None:
    framing = make(MOST)
    fine = b'{"a": "%s"}' % (b"x" * (MOST - 9))
    assert len(fine) == MOST
    data = framing.frame(fine) + framing.frame(b'{"a": "%s"}' % (b"x" * (MOST - 8)))
    documents = framing.feed(data)
    assert next(documents) == fine
    with pytest.raises(TooLarge):
        next(documents)


@pytest.mark.parametrize("make", [Lines, Bare])
def test_one_that_never_ends_is_too_large_before_it_fills_the_memory(make: type[Lines]) -> None:
    framing = make(MOST)
    for _ in range(MOST // 12):
        assert list(framing.feed(b'{"aaaaaaaaaa')) == []
    with pytest.raises(TooLarge):
        list(framing.feed(b"a" * 12))
