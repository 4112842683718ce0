# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs Ansible inside a guest by its QEMU guest agent: no network, no SSH, no login."""

from __future__ import annotations

DOCUMENTATION = r"""
name: guest_agent
short_description: Run tasks in a virtual machine by its QEMU guest agent
version_added: 0.1.0
author:
  - corral.virt contributors (@corral-virt)
description:
  - Runs modules inside a guest of this collection by the QEMU guest agent in it, over the channel between the guest and
    its host. It takes no network, no SSH and no login in the guest.
  - The guest needs the channel (the option O(corral.virt.vm#module:guest_agent)), the agent (the package
    C(qemu-guest-agent)), and for modules a Python.
  - Commands run as the user of the agent, which is root on Linux. Others are reached by C(become); as it starts from
    root, no method needs a password.
notes:
  - The guest is on the controller itself, and then whoever runs Ansible must be allowed to manage it; or it is on
    another host, which Ansible reaches by the connection that O(via) describes. In that case each command, and each
    8 MiB of a file, is a short program on that host, which costs half a second more. The host needs what modules of
    this collection need.
  - Guests with Windows are not supported, because commands are handed to a POSIX shell.
  - An agent serves one client at a time. Others wait for their turn, which lasts at most two seconds, but for what a
    single command of the agent takes.
  - The agent keeps at most 16 MiB of what a command writes. A command that writes more is an error.
  - A command whose time is up (O(command_timeout)), or whose task was ended on the controller, is left to itself, but
    for its shell, which is killed when its time is up.
  - Fedora, RHEL and their like do not allow the agent to run commands unless C(/etc/sysconfig/qemu-ga) is changed, and
    their SELinux policy confines what it runs. An error says what to change.
options:
  guest:
    description: The name, the uuid or the id of the guest.
    type: str
    vars:
      - name: inventory_hostname
      - name: ansible_guest_agent_guest
  uri:
    description:
      - The connection in which the guest is, such as V(qemu:///system).
      - Without it the host chooses, as for modules of this collection.
    type: str
    vars:
      - name: ansible_guest_agent_uri
  via:
    description:
      - The host on which the guest is, as the variables with which Ansible reaches it, by their usual names, such as
        C(ansible_connection), C(ansible_host), C(ansible_user), C(ansible_become) and C(ansible_python_interpreter).
      - Without C(ansible_connection) it is V(ssh). Variables of the guest, and options of the command line other than
        the remote user, do not count for the host.
      - Without O(via) the guest is on the controller.
      - The inventory plugin P(corral.virt.guests#inventory) sets it.
    type: dict
    default: {}
    vars:
      - name: ansible_guest_agent_via
  remote_user:
    description:
      - The user as whom the agent runs. This connection cannot choose another one; where the agent does not run as
        root, its user has to be told here.
    type: str
    default: root
    vars:
      - name: ansible_guest_agent_user
  executable:
    description: The shell in the guest that is given the commands.
    type: str
    default: /bin/sh
    vars:
      - name: ansible_guest_agent_executable
  timeout:
    description: For how many seconds an answer of the agent is waited for; data that are many have longer.
    type: float
    default: 30
    vars:
      - name: ansible_guest_agent_timeout
  command_timeout:
    description: After how many seconds a command in the guest is given up; V(0) is never.
    type: float
    default: 0
    vars:
      - name: ansible_guest_agent_command_timeout
  pipelining:
    description:
      - Whether modules are handed to Python in the guest directly, and not by files. That is much faster, so it is the
        default here.
    type: bool
    default: true
    vars:
      - name: ansible_pipelining
      - name: ansible_guest_agent_pipelining
seealso:
  - plugin: corral.virt.guests
    plugin_type: inventory
  - module: corral.virt.vm
"""

EXAMPLES = r"""
# An inventory: a guest on the controller itself, and one on another host.
guests:
  hosts:
    web1:
      ansible_connection: corral.virt.guest_agent
      ansible_guest_agent_uri: qemu:///system
    web2:
      ansible_connection: corral.virt.guest_agent
      ansible_guest_agent_via:
        ansible_host: hypervisor1.example.org
        ansible_user: admin
        ansible_become: true

# The host is in the inventory itself: what is known of it is taken from there.
    db1:
      ansible_connection: corral.virt.guest_agent
      ansible_guest_agent_via:
        ansible_host: "{{ hostvars['hypervisor1'].ansible_host }}"
        ansible_user: "{{ hostvars['hypervisor1'].ansible_user }}"
        ansible_become: true
"""

from collections.abc import Mapping
from shlex import quote
from typing import Any, Optional, Union

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.module_utils.common.text.converters import to_bytes, to_text
from ansible.plugins.connection import ConnectionBase

from ansible_collections.corral.virt.plugins.module_utils.converge.entry import INTERPRETERS
from ansible_collections.corral.virt.plugins.plugin_utils.ways import Here, There, decoded, encoded

# Bytes of a file in one order: they are in memory some times over, on the controller and on the host.
BATCH = 8 << 20
# Failures of what is wanted in the guest, and not of the way to it.
IN_THE_GUEST = frozenset({"OperationFailed"})


class Connection(ConnectionBase):  # type: ignore[misc]
    """A guest, by its agent."""

    transport = "corral.virt.guest_agent"
    has_pipelining = True

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._way: Optional[Union[Here, There]] = None

    def _connect(self) -> Connection:
        """Choose the way to the guest; nobody is spoken to until there is something to say."""
        if self._way is None:
            via = self.get_option("via")
            self._way = There(via, self._play_context, INTERPRETERS) if via else Here()
            self._connected = True
        return self

    def exec_command(
        self, cmd: str, in_data: Optional[bytes] = None, sudoable: bool = True
    ) -> tuple[int, bytes, bytes]:
        """Run a command in the guest; returns its exit status and both outputs."""
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        return self._run(cmd, in_data or b"")

    def put_file(self, in_path: str, out_path: str) -> None:
        """Copy a file of the controller into the guest, for nobody but the user of the agent to read."""
        super().put_file(in_path, out_path)
        path = to_text(out_path)
        # The agent makes files that everybody may write to.
        code, _out, err = self._run(f"umask 077 && : > {quote(path)}", b"")
        if code:
            raise AnsibleError(f"{path} cannot be written in the guest: {to_text(err).strip()}")
        try:
            with open(to_bytes(in_path), "rb") as file:
                for number, data in enumerate(iter(lambda: file.read(BATCH), b"")):
                    self._ask("write", path=path, data=encoded(data), append=number > 0)
        except OSError as error:
            raise AnsibleError(f"{to_text(in_path)} cannot be read: {error.strerror}.") from error

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Copy a file of the guest to the controller."""
        super().fetch_file(in_path, out_path)
        offset, last = 0, False
        try:
            with open(to_bytes(out_path), "wb") as file:
                while not last:
                    found = self._ask("read", path=to_text(in_path), offset=offset, size=BATCH)
                    data, last = decoded(found["data"]), found["last"]
                    offset += file.write(data)
        except OSError as error:
            raise AnsibleError(f"{to_text(out_path)} cannot be written: {error.strerror}.") from error

    def close(self) -> None:
        """Forget the way to the guest."""
        if isinstance(self._way, There):
            self._way.close()
        self._way = None
        self._connected = False

    def reset(self) -> None:
        """Nothing of a guest is kept between two commands, so that is all."""
        self.close()

    def _run(self, command: str, stdin: bytes) -> tuple[int, bytes, bytes]:
        shell, user = self.get_option("executable"), self.get_option("remote_user")
        # an agent that a service manager has started knows no home directory
        line = f'if [ -z "$HOME" ]; then HOME=~{user}; export HOME; fi\n{to_text(command)}'
        more = {"stdin": encoded(stdin), "timeout": self.get_option("command_timeout")}
        found = self._ask("run", argv=[shell, "-c", line], **more)
        return found["code"], decoded(found["stdout"]), decoded(found["stderr"])

    def _ask(self, call: str, **values: Any) -> dict[str, Any]:
        """Have something done in the guest; raises what kept it from being done."""
        guest = self.get_option("guest")
        order = {"call": call, "guest": guest, "uri": self.get_option("uri"), "patience": self.get_option("timeout")}
        self._connect()
        if self._way is None:
            raise AnsibleError("The connection is closed.")
        found = self._way.ask({**order, **values})
        if "error" in found:
            raise _failure(found["error"])
        return found


def _failure(error: Mapping[str, Any]) -> AnsibleError:
    """The failure in an answer as Ansible's: what cannot be reached, and what did not work."""
    words = " ".join(str(error[key]) for key in ("message", "hint") if error.get(key))
    return AnsibleError(words) if error.get("type") in IN_THE_GUEST else AnsibleConnectionFailure(words)
