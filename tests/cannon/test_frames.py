"""Frames over a real socket pair: whole, in pieces, huge, and not frames at all."""

import json
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator

import pytest

from botcannon_core.cannon import frames
from botcannon_core.cannon.frames import Channel


@pytest.fixture
def ends() -> Iterator[tuple[Channel, socket.socket]]:
    mine, other = frames.pair()
    channel, theirs = Channel(mine), socket.socket(fileno=other)
    yield channel, theirs
    channel.close()
    theirs.close()


def framed(value: object) -> bytes:
    data = json.dumps(value).encode()
    return struct.pack("!I", len(data)) + data


def test_a_frame_comes_out_as_it_went_in(ends: tuple[Channel, socket.socket]) -> None:
    channel, theirs = ends
    body = {"text": "grüße \udc80 \x00", "n": 1.5, "none": None}
    Channel(theirs.dup().detach()).send("message", body)
    assert channel.receive() == [("message", body)]


def test_frames_sent_together_come_out_one_by_one(ends: tuple[Channel, socket.socket]) -> None:
    channel, theirs = ends
    theirs.sendall(b"".join(framed(("k", n)) for n in range(100)))
    assert channel.receive() == [("k", n) for n in range(100)]


def test_a_frame_that_comes_byte_by_byte_is_whole_only_at_its_last(
    ends: tuple[Channel, socket.socket],
) -> None:
    channel, theirs = ends
    data = framed(("k", "slow"))
    for byte in data[:-1]:
        theirs.sendall(bytes([byte]))
        assert channel.receive() == []
    theirs.sendall(data[-1:])
    assert channel.receive() == [("k", "slow")]


def first(channel: Channel) -> tuple[str, object]:
    while not (heard := channel.receive()):
        pass
    return heard[0]


@pytest.mark.parametrize("receive", [first, Channel.receive_one])
def test_ten_megabytes_arrive_whole(
    ends: tuple[Channel, socket.socket], receive: Callable[[Channel], tuple[str, object]]
) -> None:
    channel, theirs = ends
    big = "x" * 10_000_000
    sender = threading.Thread(target=lambda: Channel(theirs.dup().detach()).send("big", big))
    sender.start()
    assert receive(channel) == ("big", big)
    sender.join()


def test_what_follows_one_frame_is_left_for_another_process(
    ends: tuple[Channel, socket.socket],
) -> None:
    channel, theirs = ends
    assert not channel.has_news()
    theirs.sendall(framed(("mine", 1)) + framed(("yours", 2)))
    assert channel.receive_one() == ("mine", 1)
    assert channel.has_news()
    assert Channel(channel.fileno()).receive_one() == ("yours", 2)


@pytest.mark.parametrize(
    "garbage",
    [
        framed("no pair"),
        framed(5),
        framed(None),
        framed(["k"]),
        framed(["k", 1, 2]),
        framed([5, "body"]),
        framed({}),
        struct.pack("!I", 3) + b"\xff\xfe\xfd",
        struct.pack("!I", 0),
        struct.pack("!I", 200_000) + b"[" * 200_000,
        b"\xff\xff\xff\xff",
        b"hello there, this is no frame",
    ],
    ids=lambda data: repr(data[:20]),
)
def test_what_is_no_frame_ends_the_channel(
    ends: tuple[Channel, socket.socket], garbage: bytes
) -> None:
    channel, theirs = ends
    sender = threading.Thread(target=theirs.sendall, args=(garbage,))
    sender.start()
    with pytest.raises(EOFError, match="does not speak frames"):
        channel.receive_one()
    sender.join()


def test_the_other_ends_end_is_heard(ends: tuple[Channel, socket.socket]) -> None:
    channel, theirs = ends
    theirs.sendall(framed(("last", 1)) + framed(("half", 2))[:-1])
    theirs.close()
    assert channel.receive() == [("last", 1)]
    with pytest.raises(EOFError, match="closed"):
        channel.receive()


def test_sending_to_an_end_that_is_gone_fails_and_telling_it_does_not(
    ends: tuple[Channel, socket.socket],
) -> None:
    channel, theirs = ends
    theirs.close()
    with pytest.raises(OSError, match="Broken pipe"):
        channel.send("k")
    channel.tell("k")


def test_the_rest_is_what_is_there_and_does_not_wait(ends: tuple[Channel, socket.socket]) -> None:
    channel, theirs = ends
    data = b"".join(framed(("k", "x" * 1000)) for _ in range(150))
    theirs.sendall(data)  # more than one receive takes; and the other end stays open
    assert len(channel.rest()) == 150
    assert channel.rest() == []


def test_neither_end_survives_an_exec() -> None:
    pair = frames.pair()
    assert not any(os.get_inheritable(end) for end in pair)
    for end in pair:
        os.close(end)
