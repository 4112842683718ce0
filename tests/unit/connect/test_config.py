# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The configuration file: libvirt's syntax, and errors that name the file and the line."""

from __future__ import annotations

import pytest

from ansible_collections.corral.virt.plugins.module_utils.connect.config import (
    Config,
    config_path,
    load_config,
    parse_config,
    read_settings,
)
from ansible_collections.corral.virt.plugins.module_utils.errors import InvalidArgument
from ansible_collections.corral.virt.plugins.module_utils.host.fake import FakeHost

PATH = "/etc/corral/corral.conf"

WHOLE = """\
# Connections
uri_aliases = [
  "hail=qemu+ssh://root@hail.example.com/system",   # the old one
  'lab=test:///tmp/lab.xml?x=1',

]

uri_default = "qemu:///system"  # root's
"""


def test_reads_aliases_and_the_default() -> None:
    assert parse_config(WHOLE, PATH) == Config(
        PATH,
        "qemu:///system",
        {"hail": "qemu+ssh://root@hail.example.com/system", "lab": "test:///tmp/lab.xml?x=1"},
    )


@pytest.mark.parametrize("text", ["", "\n\n# nothing\n", 'uri_default = ""', "uri_aliases = []"])
def test_a_file_without_settings_says_nothing(text: str) -> None:
    assert parse_config(text, PATH) == Config(PATH)


def test_a_missing_file_says_nothing() -> None:
    assert load_config(FakeHost()) == Config(PATH)


def test_root_reads_the_file_of_the_host_and_others_their_own() -> None:
    user = FakeHost(euid=1000)
    user.environment["HOME"] = "/home/me"
    assert config_path(FakeHost()) == PATH
    assert config_path(user) == "/home/me/.config/corral/corral.conf"


def test_the_syntax_is_that_of_libvirts_files() -> None:
    text = 'a = \'x # y\' ; b = -5\nc=[1,["""two\n"long" lines"""],\'\']\n  a = "last one counts"\n'
    values = {key: setting.value for key, setting in read_settings(text, PATH).items()}
    assert values == {"a": "last one counts", "b": -5, "c": [1, ['two\n"long" lines'], ""]}


REFUSED = {
    'uri_default "x"': (1, "'=' was expected"),
    '\n\nuri_default = "x': (3, "a text is not closed"),
    "uri_default = qemu:///system": (1, "write texts in double quotes"),
    "uri_default = qemu": (1, "write texts in double quotes"),
    "uri_default =": (1, "a value was expected"),
    "uri_default = [1]": (1, 'uri_default must be a text such as "qemu:///system"'),
    'uri_default = "a" uri_aliases = []': (1, "on a line of its own"),
    "\n= 5": (2, "a setting such as uri_default"),
    'uri_alias = ["a=b:///c"]': (1, "uri_alias is not known; write uri_default or uri_aliases"),
    'uri_aliases = "a=test:///default"': (1, "must be a list"),
    'uri_aliases = ["a=test:///default"': (1, "close it with ']'"),
    '\nuri_aliases = ["a=test:///default" "b=test:///default"]': (2, "separate its values"),
    'uri_aliases = ["test:///default"]': (1, "write alias=uri"),
    "uri_aliases = [5]": (1, "write alias=uri"),
    'uri_aliases = ["a.b=test:///default"]': (1, "may only have the characters"),
    'uri_aliases = ["=test:///default"]': (1, "may only have the characters"),
    'uri_aliases = ["a="]': (1, "has no good URI"),
    'uri_aliases = ["a=qemu://system"]': (1, "did you mean qemu:///system?"),
    'uri_aliases = ["a=test:///default", "a=test:///x"]': (1, "stands there twice"),
}


@pytest.mark.parametrize(("text", "expected"), REFUSED.items(), ids=list(REFUSED))
def test_errors_name_the_file_and_the_line(text: str, expected: tuple[int, str]) -> None:
    line, advice = expected
    with pytest.raises(InvalidArgument) as caught:
        parse_config(text, PATH)
    assert str(caught.value).startswith(f"{PATH}, line {line}: ")
    assert advice in str(caught.value)


def test_a_file_that_is_no_text_is_refused() -> None:
    host = FakeHost()
    host.add_file(PATH, b"\xff\xfe")
    with pytest.raises(InvalidArgument, match="not UTF-8"):
        load_config(host)


@pytest.mark.parametrize("name", ["test:///default", "lab/x", "lab.x", ""])
def test_a_name_with_other_characters_is_never_an_alias(name: str) -> None:
    assert Config(PATH, aliases={name: "test:///default"}).alias(name) is None
