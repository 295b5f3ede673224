"""Kwargs in the store: they come back as they went in, and secrets lie there encrypted."""

import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from botcannon_core.compose.spec import Hidden, StoreSpec
from botcannon_core.errors import StoreError
from botcannon_core.ledger.conf import save, stored
from botcannon_core.ledger.store import Store, open_store

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text("aä!{ \n'\"\u2028")
    | st.dates()
    | st.binary(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("ab", max_size=2) | st.integers(), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(kwargs=st.dictionaries(st.text("abc_", min_size=1), VALUES, max_size=3))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_yaml_can_say_comes_back(store: Store, kwargs: dict[str, Any]):
    save(store, "k", kwargs)
    assert stored(store, ["k"]) == {"k": kwargs}


def test_types_come_back_too(store: Store):
    kwargs = {"n": 1, "f": 1.0, "b": True, "d": {1: "one"}, "t": datetime.date(2024, 1, 2)}
    save(store, "k", kwargs)
    found = stored(store, ["k"])["k"]
    assert {name: type(value) for name, value in found.items()} == {
        name: type(value) for name, value in kwargs.items()
    }
    assert found["d"] == {1: "one"}


def test_a_key_under_which_nothing_is_kept_is_left_out(store: Store):
    save(store, "empty", {})
    assert stored(store, ["empty", "none"]) == {"empty": {}}


def test_saving_replaces_what_was_there(store: Store):
    save(store, "k", {"a": 1, "b": 2})
    save(store, "k", {"a": 3})
    assert stored(store, ["k"]) == {"k": {"a": 3}}


def test_namespaces_are_apart(store: Store, valkey: str, tmp_path: Path):
    save(store, "k", {"a": 1})
    assert stored(open_store(StoreSpec(url=valkey), "U", tmp_path), ["k"]) == {}


def test_a_secret_lies_encrypted_in_the_store_and_comes_back_hidden(store: Store):
    save(store, "k", {"token": Hidden("hush-hush"), "user": "bob"})
    raw = store.client().hgetall("T|conf:k")
    assert "hush" not in str(raw)
    found = stored(store, ["k"])["k"]
    assert found == {"token": "hush-hush", "user": "bob"}
    assert isinstance(found["token"], Hidden)
    assert "hush" not in repr(found)


def test_text_that_looks_like_a_tag_is_text(store: Store):
    save(store, "k", {"a": "!fernet x", "b": "!yaml x"})
    assert stored(store, ["k"]) == {"k": {"a": "!fernet x", "b": "!yaml x"}}


def test_another_key_is_told_by_the_secrets_name(store: Store, monkeypatch):
    save(store, "k", {"token": Hidden("hush-hush")})
    monkeypatch.setenv("BOTCANNON_KEY", Fernet.generate_key().decode())
    with pytest.raises(StoreError, match="'token' of the key 'k' was saved with another key"):
        stored(store, ["k"])


def test_a_secret_known_from_elsewhere_is_not_opened(store: Store, monkeypatch):
    save(store, "k", {"token": Hidden("hush-hush"), "user": "bob"})
    monkeypatch.setenv("BOTCANNON_KEY", Fernet.generate_key().decode())
    known = stored(store, ["k"], elsewhere=lambda key, name: (key, name) == ("k", "token"))
    assert known == {"k": {"user": "bob"}}


def test_a_value_that_cannot_be_kept_is_named(store: Store):
    with pytest.raises(StoreError, match=r"'thing' of the key 'k' cannot be kept.*object"):
        save(store, "k", {"thing": object()})


@pytest.mark.parametrize("text", ["{", "!yaml [", "!yaml !!python/object:os.system {}"])
def test_what_botcannon_did_not_write_is_told(store: Store, text: str):
    store.client().hset("T|conf:k", "a", text)
    with pytest.raises(StoreError, match="'a' of the key 'k' in the store is not what"):
        stored(store, ["k"])


def test_a_store_that_is_gone_is_told(valkey: str, tmp_path: Path):
    gone = open_store(StoreSpec(url=f"unix://{tmp_path}/gone.sock"), "T", tmp_path)
    with pytest.raises(StoreError, match=r"gone\.sock"):
        stored(gone, ["k"])
