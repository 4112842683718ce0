# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people read is true: examples have options that exist, commands name what exists, quoted words are ours."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from ansible_collections.corral.virt.plugins.module_utils.host.layout import FOLDERS, Layout

from .known import (
    DECLARED,
    constants,
    options,
    playbook_variables,
    role_variables,
    unknown,
    unknown_of_module,
    words_of_options,
)
from .pages import GUIDES, PAGES, ROOT, blocks, commands, literals

PREFIX = "corral.virt."
# Directories and files of ours that the layout does not know.
MORE_PATHS = ("/etc/corral/corral.conf", "/usr/lib/corral", "/usr/lib/corral/VERSION", "/usr/libexec/corral")
OTHERS = ("adopt", "report", "rolling", "drain", "bootstrap")


def by_name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def wrong(value: Any, place: str) -> Iterator[str]:
    """What is wrong in an example: a task, a play, variables, a file of the inventory plugin."""
    if isinstance(value, list):
        for element in value:
            yield from wrong(element, place)
    elif isinstance(value, Mapping):
        if value.get("plugin") == "corral.virt.guests":
            yield from unknown(value, options("inventory", "guests"), place)
            return
        for name, inner in value.items():
            yield from wrong_entry(str(name), inner, place)


def wrong_entry(name: str, value: Any, place: str) -> Iterator[str]:
    if name.startswith(PREFIX):
        yield from unknown_of_module(value, name[len(PREFIX) :], f"{place}: {name}")
        return
    role, known = name.partition("_")[0], {"site": "site", "host": "host"}
    if role in known and name not in role_variables(role):
        yield f"{place}: {name} is no variable of the role {role}"
    for element in value if name in DECLARED and isinstance(value, list) else ():
        yield from unknown_of_module(element, DECLARED[name], f"{place}: {name}")
    if name not in DECLARED:
        yield from wrong(value, place)


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_examples_in_yaml_have_known_options(page: Path) -> None:
    found = []
    for block in blocks(page):
        if block.language in ("yaml", "yaml+jinja"):
            for document in yaml.safe_load_all(block.text):
                found += wrong(document, block.place)
    assert not found


def test_a_wrong_example_is_noticed() -> None:
    task = {"name": "x", "corral.virt.vm": {"name": "a", "disks": [{"pth": "/x"}], "guests": [{"memry": "1GiB"}]}}
    assert len(list(wrong([{"hosts": "all", "tasks": [task]}], "here"))) == 2
    declared = {"site_guests": [{"name": "a", "vcpu": 1}], "site_purg": True, "host_feature": []}
    assert len(list(wrong(declared, "here"))) == 3
    assert len(list(wrong({"plugin": "corral.virt.guests", "host": "all"}, "here"))) == 1


# commands


def extra(words: list[str]) -> Iterator[str]:
    """The names of the extra variables of a command."""
    for before, word in zip(words, words[1:]):
        if before in ("-e", "--extra-vars"):
            yield from json.loads(word) if word.startswith("{") else (part.partition("=")[0] for part in word.split())


def arguments(words: list[str]) -> Mapping[str, Any]:
    """The options of an ad-hoc task."""
    text = next((word for before, word in zip(words, words[1:]) if before == "-a"), "")
    found: Mapping[str, Any] = (
        json.loads(text) if text.startswith("{") else dict(part.split("=", 1) for part in shlex.split(text))
    )
    return found


def wrong_command(command: str) -> Iterator[str]:
    words = shlex.split(command)
    ours = [word[len(PREFIX) :] for word in words if word.startswith(PREFIX)]
    for name in ours:
        if words[0] == "ansible-playbook":
            if not (ROOT / f"playbooks/{name}.yml").is_file():
                yield f"{command}: there is no playbook {name}"
                continue
            yield from (f"{command}: {each} is no variable" for each in set(extra(words)) - playbook_variables(name))
        elif words[0] == "ansible" and "-m" in words:
            yield from unknown_of_module(arguments(words), name, command)


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_commands_name_what_exists(page: Path) -> None:
    assert not [said for command in commands(page) for said in wrong_command(command)]


def test_a_wrong_command_is_noticed() -> None:
    for command in (
        "ansible-playbook corral.virt.nothing",
        "ansible-playbook corral.virt.drain -e drain_host=a",
        "ansible h -m corral.virt.vm -a 'nam=a state=running'",
    ):
        assert list(wrong_command(command)), command


# words


def said_options(words: str) -> Iterator[str]:
    """The names in words such as ``state: stopped``, at any depth."""
    waiting = [yaml.safe_load(words)] if re.match(r"[a-z_]+: ", words) else []
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            yield from value
            waiting += value.values()


# The page about migration also speaks of the options of others, on its left sides.
@pytest.mark.parametrize("page", [page for page in GUIDES if page.stem != "migration"], ids=by_name)
def test_options_in_sentences_exist(page: Path) -> None:
    said = {name for words in literals(page) for name in said_options(words)}
    assert said <= words_of_options()


def is_message(words: str) -> bool:
    """Whether these are words of an error: a sentence in which what differs from case to case is left out."""
    return "..." in words and words.endswith((".", "?")) and " " in words


@pytest.mark.parametrize("page", GUIDES, ids=by_name)
def test_messages_are_quoted_as_they_are(page: Path) -> None:
    parts = [part for words in literals(page) if is_message(words) for part in words.split("...")]
    missing = [part for part in parts if part.strip(" .:") and part not in constants()]
    assert not missing


# Methods of the layout that take the name of an object, and those that take its kind besides.
OF_NAMES = (
    "domain_directory workplace journal monitor domain_log domain_console_log handed nvram network_conf network_hosts"
    " network_addnhosts network_leases network_log network_pid volume_formats secret_value saved_state saved_facts"
    " departed"
).split()
OF_KINDS = ("config_document", "autostart_link", "live_document", "live_status")


@cache
def known_paths() -> frozenset[str]:
    """Each directory and file that we have, for an object called NAME."""
    layout = Layout.system()
    own = [layout.volumes_dir, *(path for path, _mode in layout.directories()), *MORE_PATHS]
    named = [getattr(layout, method)("NAME") for method in OF_NAMES]
    of_kinds = [getattr(layout, method)(kind, "NAME") for method in OF_KINDS for kind in FOLDERS]
    return frozenset([*own, *named, *of_kinds])


@cache
def texts() -> str:
    """What else may say where something is."""
    files = [path for pattern in ("playbooks/*.yml", "roles/host/**/*.yml") for path in ROOT.glob(pattern)]
    return constants() + "".join(path.read_text(encoding="utf-8") for path in files)


@pytest.mark.parametrize("page", GUIDES, ids=by_name)
def test_paths_of_ours_are_where_they_are_said_to_be(page: Path) -> None:
    paths = [words.split(" ")[0] for words in literals(page) if re.match(r"/\S*/corral(/|$| )", words)]
    assert not [path for path in paths if path not in known_paths() and path not in texts()]


def test_each_variable_of_a_playbook_is_on_its_page() -> None:
    page = (ROOT / "docs/docsite/rst/playbooks.rst").read_text(encoding="utf-8")
    for playbook in OTHERS:
        head = (ROOT / f"playbooks/{playbook}.yml").read_text(encoding="utf-8").partition("\n- name:")[0]
        named = set(re.findall(rf"\b{playbook}_[a-z_]+", head))
        assert not {name for name in named if f"``{name}``" not in page}, playbook
        said = set(re.findall(rf"``({playbook}_[a-z_]+)``", page))
        assert said <= playbook_variables(playbook), playbook


# links and pictures


@pytest.mark.parametrize("page", [page for page in PAGES if page.suffix == ".md"], ids=by_name)
def test_links_of_markdown_lead_to_files(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if not re.match(r"[a-z]+:|#", link)]
    assert not [link for link in links if not (page.parent / link.partition("#")[0]).exists()]


@pytest.mark.parametrize("picture", sorted(ROOT.glob("docs/pictures/*.svg")), ids=by_name)
def test_a_picture_is_whole_and_used_and_shows_nothing_of_the_machine_it_was_made_on(picture: Path) -> None:
    text = picture.read_text(encoding="utf-8")
    words = "\n".join(ElementTree.fromstring(text).itertext())
    assert any(picture.name in page.read_text(encoding="utf-8") for page in PAGES)
    assert not re.search(r"/(work|tmp|root|home)/|\.cache/home|Traceback", words)
