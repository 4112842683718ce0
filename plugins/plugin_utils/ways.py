# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ways from a controller to a guest: in this very process, or by a program on the guest's host.

The host is reached by its own connection plugin with its own variables, and the program there runs from the copy of
our code that the host keeps (see host/local_runtime.py). Orders and answers are those of connect/relay.py.
"""

from __future__ import annotations

import json
import shlex
from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from ansible import constants as C  # noqa: N812 (everybody calls it so)
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import become_loader, connection_loader

from ansible_collections.corral.virt.plugins.module_utils.connect import relay
from ansible_collections.corral.virt.plugins.module_utils.host.local_runtime import ABSENT, REPLY, UNKEPT

from . import runtime

# Runs what it is sent, which is so many bytes of its standard input; the rest of it is for the program.
BOOT = "import sys; exec(sys.stdin.buffer.read(int(sys.argv[1])))"
PROGRAM = relay.__name__
USUAL = "ssh"


class Here:
    """The guest is on this machine."""

    def ask(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Do what an order says; returns the answer."""
        return relay.answer(order)


class There:
    """The guest is on the host that these variables lead to; ``interpreters`` may have our libraries.

    ``program`` is what is run there, and ``host`` a connection to it where there is one already.
    """

    def __init__(
        self,
        variables: Mapping[str, Any],
        context: PlayContext,
        interpreters: Sequence[str],
        program: str = PROGRAM,
        host: Any = None,
    ) -> None:
        self._variables = dict(variables)
        self._interpreters = interpreters
        self._program = program
        self._host = _connection(self._variables, context) if host is None else host

    def close(self) -> None:
        """End the connection to the host."""
        self._host.close()

    def ask(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Have an order done on the host; returns the answer. Raises AnsibleConnectionFailure and AnsibleError."""
        request = json.dumps(dict(order)).encode()
        answer = self._sent(request, with_sources=False)
        if answer.get(REPLY) == ABSENT:
            answer = self._sent(request, with_sources=True)
        if answer.get(REPLY) == UNKEPT:
            raise AnsibleError(
                "The host of the guest can keep no copy of our code in its usual place."
                " Name a directory that only its user can write to in its variable corral_virt_runtime."
            )
        return answer

    def _sent(self, request: bytes, *, with_sources: bool) -> dict[str, Any]:
        place = self._variables.get("corral_virt_runtime")
        place = place if isinstance(place, str) and place.startswith("/") else ""
        order = {"module": self._program, "digest": runtime.digest(), "place": place}
        program = runtime.program(order, with_sources=with_sources).encode()
        command = start_line(len(program), self._variables.get("ansible_python_interpreter"), self._interpreters)
        code, out, err = self._host.exec_command(self._raised(command), in_data=program + request, sudoable=True)
        found = answer_in(out)
        if found is None:
            said = err.decode("utf-8", "replace").strip()[-500:] or "it said nothing"
            raise AnsibleConnectionFailure(f"The host of the guest ended what we run there with {code}: {said}")
        return found

    def _raised(self, command: str) -> str:
        become = self._host.become if _changes_user(self._host) else None
        return str(become.build_become_command(command, self._host._shell)) if become else f"sh -c {_quoted(command)}"


def start_line(size: int, interpreter: Any, interpreters: Sequence[str]) -> str:
    """The line for a shell that starts a program of so many bytes, by the first interpreter that has our libraries."""
    if isinstance(interpreter, str) and "/" in interpreter:
        return f"exec {interpreter} -c {_quoted(BOOT)} {size}"
    library = _quoted(f"import {relay.LIBRARY}")
    tried = " ".join(map(_quoted, interpreters))
    run = f"-c {_quoted(BOOT)} {size}"
    choose = f'for python in {tried}; do "$python" -c {library} 2>/dev/null && exec "$python" {run}; done'
    return f"{choose}; exec python3 {run}"


def answer_in(output: bytes) -> Optional[dict[str, Any]]:
    """The answer in what a host said; its shell and sudo may have said something before."""
    for line in reversed(output.splitlines()):
        if line.startswith(b"{"):
            try:
                found = json.loads(line)
            except ValueError:
                return None
            return found if isinstance(found, dict) else None
    return None


def encoded(data: bytes) -> str:
    """Bytes as they stand in orders and answers."""
    return relay.encoded(data)


def decoded(text: str) -> bytes:
    """Such bytes again."""
    return b64decode(text)


def _connection(variables: dict[str, Any], context: PlayContext) -> Any:
    """The connection plugin of the host, with all its options."""
    name = variables.get("ansible_connection") or USUAL
    own = PlayContext()
    own.remote_addr = variables.get("ansible_host")
    own.connection_lockfd = context.connection_lockfd
    host = connection_loader.get(USUAL if name == "smart" else name, own)
    if host is None:
        raise AnsibleError(f"There is no connection plugin {name!r}, by which the host of the guest is to be reached.")
    host.set_options(var_options=variables)
    if boolean(variables.get("ansible_become", False), strict=False):
        method = variables.get("ansible_become_method") or C.DEFAULT_BECOME_METHOD
        become = become_loader.get(method)
        if become is None:
            raise AnsibleError(f"There is no become plugin {method!r}, which the host of the guest asks for.")
        become.set_options(var_options=variables)
        host.set_become_plugin(become)
    return host


def _changes_user(host: Any) -> bool:
    """Whether becoming takes anything: who logs in as that user needs no sudo, as in a task."""
    if not host.become:
        return False
    try:
        own = host.get_option("remote_user")
    except KeyError:  # this connection knows no users
        own = None
    return bool(C.BECOME_ALLOW_SAME_USER or host.become.get_option("become_user") != own)


def _quoted(text: str) -> str:
    return shlex.quote(text)
