"""What may stand in `store:`: every form taken apart, every mistake told, no password ever shown."""

from traceback import format_exception

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botcannon_core.errors import StoreError
from botcannon_core.ledger.address import masked, parsed


def test_the_short_form_has_the_usual_port_and_database():
    address = parsed("redis://host")
    assert (address.kind, address.hosts, address.db) == ("one", (("host", 6379),), 0)
    assert (address.username, address.password, address.tls) == (None, None, False)


def test_the_long_form_is_taken_apart():
    address = parsed("rediss://bob:p%40ss%2F@host:7000/3?ssl_ca_certs=/etc/ca.pem")
    assert (address.hosts, address.db, address.tls) == ((("host", 7000),), 3, True)
    assert (address.username, address.password) == ("bob", "p@ss/")
    assert address.options == {"ssl_ca_certs": "/etc/ca.pem"}


def test_options_win_over_what_stands_before_them():
    address = parsed("redis://a:b@host/1?db=2&username=c&password=d")
    assert (address.db, address.username, address.password) == (2, "c", "d")


def test_an_ipv6_host_stands_in_brackets():
    assert parsed("redis://[::1]:7000/1").hosts == (("::1", 7000),)


def test_a_sockets_path_is_taken_as_it_is():
    address = parsed("unix://:pw@/run/my%20redis.sock?db=2")
    assert (address.kind, address.path, address.db) == ("unix", "/run/my redis.sock", 2)
    assert address.password == "pw"


def test_sentinels_have_a_masters_name_and_perhaps_a_database():
    address = parsed("redis+sentinel://:pw@a:1,b/mymaster/4?sentinel_password=other")
    assert address.hosts == (("a", 1), ("b", 26379))
    assert (address.kind, address.master, address.db) == ("sentinel", "mymaster", 4)
    assert address.options == {"sentinel_password": "other"}


def test_a_cluster_may_be_reached_by_several_hosts():
    address = parsed("rediss+cluster://a:7000,b:7001,[::1]")
    assert address.hosts == (("a", 7000), ("b", 7001), ("::1", 6379))
    assert (address.kind, address.tls) == ("cluster", True)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("host:6379", "begins with none of"),
        ("http://host", "begins with none of"),
        ("redsi://host", r"did you mean 'redis'\?"),
        ("redis://", "names no host"),
        ("redis://:6379", "names no host"),
        ("redis://a,,b", "names no host"),
        ("redis://host:none", "port that is no number"),
        ("redis://host:99999", "taken apart"),
        ("redis://host/one", "database is a number"),
        ("redis://host/1/2", "more after the host"),
        ("redis://a,b", "one host"),
        ("redis+cluster://host/1", "more after the host"),
        ("redis+cluster://host?db=1", "unknown option 'db'"),
        ("redis+sentinel://host", "name of a master"),
        ("unix://relative.sock", "path is absolute"),
        ("redis://host?pasword=x", r"unknown option 'pasword'; did you mean 'password'\?"),
        ("redis://host?ssl_ca_certs=x", "needs a rediss address"),
        ("rediss://host?ssl_cert_reqs=maybe", "ssl_cert_reqs is one of"),
        ("redis://host?sentinel_password=x", "unknown option"),
        ("redis://[::1", "taken apart"),
    ],
)
def test_a_mistake_is_told(url: str, says: str):
    with pytest.raises(StoreError, match=says):
        parsed(url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://host:1/2", "redis://host:1/2"),
        ("redis://:pw@host", "redis://:***@host"),
        ("redis://bob:pw@host", "redis://bob:***@host"),
        ("redis://pw@host", "redis://***@host"),
        ("redis://bob:p@w@host", "redis://***"),
        ("redis://bob:p?w@host", "redis://***"),
        ("redis://host?password=p@w", "redis://***"),
        ("p:w://host", "***"),
        ("redis://bob:pw", "redis://***"),
        ("redis://a:1,[::1]:2/m", "redis://a:1,[::1]:2/m"),
        ("redis://host?password=pw", "redis://host"),
        ("unix://:pw@/a.sock", "unix://:***@/a.sock"),
        (":pw@host", ":***@host"),
    ],
)
def test_an_address_is_shown_without_its_password(url: str, shown: str):
    assert masked(url) == shown


SCHEMES = ["redis", "rediss", "unix", "redis+sentinel", "redis+cluster", "http", ""]


@given(
    scheme=st.sampled_from(SCHEMES),
    before=st.sampled_from(["", "bob", ":", "%", "a?", "a:b?", "a@", "/", "\u2100"]),
    after=st.text("/:@[]?#&=,a1%", max_size=8),
    option=st.booleans(),
)
def test_no_address_ever_shows_its_password(scheme: str, before: str, after: str, option: bool):
    url = f"{scheme}://{before}:hush-hush@host{after}" + ("&password=hush-hush" if option else "")
    try:
        address = parsed(url)
        shown = f"{address} {address!r}"
    except StoreError as error:
        shown = "".join(format_exception(error))
    assert "hush" not in shown
