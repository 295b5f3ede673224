from botcannon_core.chat.seen import Seen


def test_an_event_is_new_once() -> None:
    seen = Seen()
    assert [seen.is_new(event) for event in ("a", "b", "a", "b", "c")] == [
        True,
        True,
        False,
        False,
        True,
    ]


def test_an_event_without_an_id_is_always_new() -> None:
    seen = Seen()
    assert seen.is_new("")
    assert seen.is_new("")


def test_only_the_last_events_are_remembered() -> None:
    seen = Seen(most=2)
    for event in "abc":
        seen.is_new(event)
    assert [seen.is_new(event) for event in "cba"] == [False, False, True]


def test_a_forgotten_event_is_new_again() -> None:
    seen = Seen()
    seen.is_new("a")
    seen.forget("a")
    seen.forget("never heard of")
    assert seen.is_new("a")
