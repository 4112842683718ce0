# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""URIs: what is read, what is written, and what the error says to write instead."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ansible_collections.corral.virt.plugins.module_utils.connect.uri import format_uri, parse_uri
from ansible_collections.corral.virt.plugins.module_utils.errors import UriError
from ansible_collections.corral.virt.plugins.module_utils.values import Uri

READ = {
    "qemu:///system": Uri("qemu", path="/system"),
    "qemu:/system": Uri("qemu", path="/system"),
    "QEMU:///system": Uri("qemu", path="/system"),
    "qemu+ssh://root@hail.example.com/system": Uri("qemu", "ssh", "root", "hail.example.com", path="/system"),
    "test+tcp://localhost:5000/default": Uri("test", "tcp", host="localhost", port=5000, path="/default"),
    "xen://towada/": Uri("xen", host="towada", path="/"),
    "xen://towada": Uri("xen", host="towada"),
    "qemu://towada:/system": Uri("qemu", host="towada", path="/system"),
    "qemu://[::1]:22/system": Uri("qemu", host="::1", port=22, path="/system"),
    "qemu://[fe80::1%25eth0]/system": Uri("qemu", host="fe80::1%eth0", path="/system"),
    "qemu://me%40home@h/system": Uri("qemu", user="me@home", host="h", path="/system"),
    "qemu+unix:///system?socket=/run/a%20b": Uri("qemu", "unix", path="/system", params=(("socket", "/run/a b"),)),
    "qemu:///embed?root=/srv/x&log=1%261": Uri("qemu", path="/embed", params=(("root", "/srv/x"), ("log", "1&1"))),
    "qemu:///system?a=1;b=2": Uri("qemu", path="/system", params=(("a", "1"), ("b", "2"))),
    "qemu:///system?a=1;b=2&c=3": Uri("qemu", path="/system", params=(("a", "1;b=2"), ("c", "3"))),
    "qemu:///system?&no_tty&x=": Uri("qemu", path="/system", params=(("no_tty", ""), ("x", ""))),
    "qemu:///system?a=1=2+3": Uri("qemu", path="/system", params=(("a", "1=2+3"),)),
    "test:///tmp/l%c3%a4b.xml": Uri("test", path="/tmp/läb.xml"),
    "test:////tmp/lab.xml": Uri("test", path="//tmp/lab.xml"),
    "vpx://vc.example.com/dc1/cl%2F1/srv": Uri("vpx", host="vc.example.com", path="/dc1/cl/1/srv"),
}

REFUSED = {
    "localhost": "write one such as qemu:///system",
    "/system": "write one such as qemu:///system",
    "://system": "write one such as qemu:///system",
    "1qemu:///system": "write one such as qemu:///system",
    "qemu++ssh://h/system": "write one such as qemu:///system",
    "qemu:///system#top": "write %23",
    "qemu:///sys tem": "write %20",
    "qemu:///system\n": "write %0A",
    "qemu:///%zz": "write %25",
    "qemu:///system?a=%e4": "not UTF-8",
    "qemu:///a%00b": "leave it out",
    "qemu://system": "did you mean qemu:///system?",
    "qemu://session/": "did you mean qemu:///session?",
    "test://default": "did you mean test:///default?",
    "qemu:system": "did you mean qemu:///system?",
    "qemu://user@/system": "write it as user@host:port",
    "qemu://:22/system": "write it as user@host:port",
    "qemu://@h/system": "write user@host",
    "qemu://a@b@c/system": "write it as user@host:port",
    "qemu://::1/system": "IPv6 address in square brackets",
    "qemu://[::1/system": "IPv6 address in square brackets",
    "qemu://[::g]/system": "[fe80::1]",
    "qemu://[fe80::1%25]/system": "[fe80::1%25eth0]",
    "qemu://h:ssh/system": "from 1 to 65535",
    "qemu://h:0/system": "from 1 to 65535",
    "qemu://h:65536/system": "from 1 to 65535",
    "qemu://h_\u00e4/system": "letters, digits",
    "qemu:///system?=1": "write name=value",
}


@pytest.mark.parametrize(("text", "uri"), READ.items(), ids=list(READ))
def test_reads_what_libvirt_reads(text: str, uri: Uri) -> None:
    assert parse_uri(text) == uri


@pytest.mark.parametrize("uri", READ.values(), ids=list(READ))
def test_what_was_read_is_written_and_read_again(uri: Uri) -> None:
    assert parse_uri(format_uri(uri)) == uri


@pytest.mark.parametrize(("text", "advice"), REFUSED.items(), ids=list(REFUSED))
def test_bad_uris_are_answered_by_one_sentence_that_says_what_to_write(text: str, advice: str) -> None:
    with pytest.raises(UriError) as caught:
        parse_uri(text)
    assert advice in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["qemu://u:hush@h/system", "qemu://u:hush@h/system#x", "qemu://u:hush@h:x/system", "qemu://u:hush@h/a b"]
)
def test_a_password_is_refused_and_never_repeated(text: str) -> None:
    with pytest.raises(UriError) as caught:
        parse_uri(text)
    assert "hush" not in str(caught.value)


def test_local_uris_are_written_with_three_slashes() -> None:
    assert format_uri(Uri("qemu", path="/system")) == "qemu:///system"


def test_an_ipv6_host_is_written_in_brackets_with_its_port() -> None:
    uri = Uri("qemu", "ssh", "root", "fe80::1%eth0", 22, "/system")
    assert format_uri(uri) == "qemu+ssh://root@[fe80::1%25eth0]:22/system"


# A busy machine is no failure.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
NAMES = st.from_regex(r"[A-Za-z0-9._~-]+", fullmatch=True).filter(
    lambda name: name not in ("system", "session", "default", "embed")
)
ADDRESSES = st.ip_addresses(v=6).map(str)
SCHEMES = st.from_regex(r"[a-z][a-z0-9.-]*", fullmatch=True)
TRANSPORTS = st.none() | st.from_regex(r"[a-z0-9]+", fullmatch=True)
PARAMS = st.lists(st.tuples(TEXT.filter(bool), TEXT), max_size=4).map(tuple)
PATHS = st.just("") | TEXT.map(lambda text: "/" + text)


@st.composite
def uris(draw: st.DrawFn) -> Uri:
    host = draw(st.none() | NAMES | ADDRESSES)
    user = draw(st.none() | TEXT.filter(bool).filter(lambda text: ":" not in text)) if host else None
    port = draw(st.none() | st.integers(1, 65535)) if host else None
    return Uri(draw(SCHEMES), draw(TRANSPORTS), user, host, port, draw(PATHS), draw(PARAMS))


@PATIENT
@given(uris())
@example(Uri("qemu", path="//", params=(("a;b", "&=?#%+"),)))
def test_every_uri_survives_being_written_and_read(uri: Uri) -> None:
    assert parse_uri(format_uri(uri)) == uri


@PATIENT
@given(st.text())
def test_any_text_is_read_or_refused_with_a_uri_error(text: str) -> None:
    try:
        uri = parse_uri(text)
    except UriError:
        return
    assert parse_uri(format_uri(uri)) == uri
