# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way to a guest through its host: what is sent there, and what comes back."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from ansible import constants
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.playbook.play_context import PlayContext

from ansible_collections.corral.virt.plugins.module_utils.host.local_runtime import ABSENT, REPLY, UNKEPT
from ansible_collections.corral.virt.plugins.plugin_utils import ways
from ansible_collections.corral.virt.plugins.plugin_utils.ways import There, answer_in, start_line

VARIABLES = {"ansible_host": "hv1", "ansible_python_interpreter": "/usr/bin/python3", "corral_virt_runtime": "/var/x"}


class Host:
    """A connection that answers from a list and keeps what it gets."""

    become = None

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.got: list[tuple[str, bytes]] = []

    def exec_command(self, command: str, in_data: bytes, sudoable: bool) -> tuple[int, bytes, bytes]:
        self.got.append((command, in_data))
        answer = self.answers.pop(0)
        out = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return 5, out, b"bash: python3: not found"


@pytest.fixture(autouse=True)
def own_notes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))


def there(monkeypatch: pytest.MonkeyPatch, *answers: Any) -> tuple[There, Host]:
    host = Host(*answers)
    monkeypatch.setattr(ways, "_connection", lambda variables, context: host)
    return There(VARIABLES, PlayContext(), ("/usr/bin/python3",)), host


def test_a_host_with_a_copy_of_our_code_is_sent_a_short_program(monkeypatch: pytest.MonkeyPatch) -> None:
    way, host = there(monkeypatch, {"code": 0})
    assert way.ask({"guest": "web1"}) == {"code": 0}
    ((command, sent),) = host.got
    size = int(shlex.split(shlex.split(command)[2])[-1])
    program, order = sent[:size].decode(), json.loads(sent[size:])
    assert order == {"guest": "web1"} and len(program) < 20000
    assert '"place": "/var/x"' in program and ways.PROGRAM in program
    compile(program, "program", "exec")


def test_a_host_without_one_is_sent_the_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    way, host = there(monkeypatch, {REPLY: ABSENT}, {"code": 0})
    assert way.ask({}) == {"code": 0}
    assert len(host.got[1][1]) > 20 * len(host.got[0][1])


def test_a_host_that_can_keep_none_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    way, _host = there(monkeypatch, {REPLY: ABSENT}, {REPLY: UNKEPT})
    with pytest.raises(AnsibleError, match="corral_virt_runtime"):
        way.ask({})


@pytest.mark.parametrize("said", [b"", b"Welcome!\n", b"{not json\n", b"[1]\n"])
def test_a_host_that_says_something_else_is_not_reached(monkeypatch: pytest.MonkeyPatch, said: bytes) -> None:
    way, _host = there(monkeypatch, said)
    with pytest.raises(AnsibleConnectionFailure, match="with 5: bash: python3: not found"):
        way.ask({})


def test_the_answer_is_found_behind_what_shells_say() -> None:
    assert answer_in(b'BECOME-SUCCESS-x\nhello\n{"code": 0}\n') == {"code": 0}
    assert answer_in(b'{"a": 1}\nlogout\n') == {"a": 1}
    assert answer_in(b"") is None


def test_the_first_python_with_our_library_runs_it() -> None:
    line = start_line(7, "auto_silent", ["/a b", "/c"])
    assert line.startswith(
        "for python in '/a b' /c; do \"$python\" -c 'import lxml' 2>/dev/null && exec \"$python\" -c "
    )
    assert line.endswith(" 7; done; exec python3 -c " + shlex.quote(ways.BOOT) + " 7")


def test_the_python_of_the_host_is_taken() -> None:
    assert start_line(7, "/opt/python", ["/c"]) == f"exec /opt/python -c {shlex.quote(ways.BOOT)} 7"


def test_the_host_is_reached_by_its_own_variables() -> None:
    variables = {
        "ansible_connection": "ssh",
        "ansible_host": "hv1.example.org",
        "ansible_port": 2222,
        "ansible_user": "admin",
        "ansible_become": "yes",
        "ansible_become_user": "root",
        "ansible_become_method": "sudo",
    }
    host = ways._connection(variables, PlayContext())
    assert host.transport == "ssh"
    found = [host.get_option(name) for name in ("host", "port", "remote_user")]
    assert found == ["hv1.example.org", 2222, "admin"]
    assert host.become.name == "sudo" and host.become.get_option("become_user") == "root"


@pytest.mark.parametrize(("user", "becomes"), [("root", False), ("admin", True), (None, True)])
def test_who_is_root_already_needs_no_sudo(user: str | None, becomes: bool) -> None:
    variables = {"ansible_connection": "ssh", "ansible_host": "hv1", "ansible_user": user, "ansible_become": True}
    assert ways._changes_user(ways._connection(variables, PlayContext())) is becomes


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"ansible_connection": "no.such.plugin"}, "no connection plugin 'no.such.plugin'"),
        ({"ansible_connection": "local", "ansible_become": True, "ansible_become_method": "x.y.z"}, "no become plugin"),
    ],
)
def test_plugins_that_are_not_there(variables: dict[str, Any], words: str) -> None:
    with pytest.raises(AnsibleError, match=words):
        ways._connection(variables, PlayContext())
