"""What keys look like; a change here loses users their data, so the literals are written out."""

from botcannon_core.ledger.keys import Keys, conf_key, services_in, services_pattern


def test_the_channels_of_a_service_share_one_slot_tag():
    keys = Keys("DEFAULT", "chat")
    assert keys.data == "DEFAULT|streams:{chat}:data"
    assert keys.taskback == "DEFAULT|streams:{chat}:taskback"
    assert keys.log == "DEFAULT|streams:{chat}:log"
    assert keys.dead == "DEFAULT|streams:{chat}:dead"
    assert keys.key("lease") == "DEFAULT|streams:{chat}:lease"


def test_kwargs_are_kept_under_the_namespace():
    assert conf_key("DEFAULT", "weather") == "DEFAULT|conf:weather"


def test_services_are_read_off_their_keys():
    keys = [Keys("N", "b").data, Keys("N", "a").data, Keys("N", "a").dead]
    assert services_in("N", keys) == ["a", "b"]


def test_keys_of_others_name_no_service():
    keys = ["N|conf:x", Keys("M", "a").data, "N|streams:{}:data", "N|streams:{a}:", "x"]
    assert services_in("N", keys) == []


def test_a_namespace_is_never_a_pattern():
    assert services_in("N.", [Keys("Nx", "a").data]) == []
    assert services_pattern("a*[b]") == r"a\*\[b\]|streams:{*}:*"
