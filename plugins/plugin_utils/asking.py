# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asking many hosts at once while the inventory is still being read: a play of our own, run as Ansible runs any.

So SSH, become, interpreters, vaults and forks are those that tasks have. Nothing of it is shown, and nothing of the
inventory that is being read is changed: the play has a copy of it.
"""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Optional

from ansible import constants as C  # noqa: N812 (everybody calls it so)
from ansible import context
from ansible.cli import CLI
from ansible.executor.task_queue_manager import TaskQueueManager
from ansible.inventory.manager import InventoryManager
from ansible.playbook.play import Play
from ansible.plugins.callback import CallbackBase
from ansible.plugins.loader import become_loader, connection_loader
from ansible.utils.context_objects import CLIArgs
from ansible.vars.manager import VariableManager

from .guests import in_short

MODULE = "corral.virt.vm_info"
# Of the command line, what is about the user's own tasks and not about ours.
NOT_OURS: Mapping[str, Any] = {
    "tags": ("all",),
    "skip_tags": (),
    "start_at_task": None,
    "step": False,
    "check": False,
    "diff": False,
    "subset": None,
    "become_ask_pass": False,
    "ask_pass": False,
    # --become and its like are for the guests; who asks a host is said by its variables, and by the option become
    "become": C.DEFAULT_BECOME,
    "become_method": C.DEFAULT_BECOME_METHOD,
    "become_user": None,
}
# Commands that run no tasks, such as ansible-inventory, do not have these.
USUAL: Mapping[str, Any] = {
    "connection": C.DEFAULT_TRANSPORT,
    "remote_user": C.DEFAULT_REMOTE_USER,
    "private_key_file": C.DEFAULT_PRIVATE_KEY_FILE,
}
# What a host is reached by, besides what its connection and become plugins say that they read.
ALWAYS = frozenset({"ansible_connection", "ansible_become", "ansible_become_method", "ansible_python_interpreter"})
ALSO = frozenset({"corral_virt_runtime"})
NEVER = frozenset({"inventory_hostname", "ansible_host"})


@dataclass(frozen=True)
class Question:
    """What each host is asked: the guests of these connections (None is the usual one), and how."""

    uris: Sequence[Optional[str]]
    agents: bool = False
    become: bool = False
    timeout: int = 60
    forks: Optional[int] = None

    def tasks(self) -> list[dict[str, Any]]:
        """The tasks of a play, one for each connection, named by its number."""
        more: dict[str, Any] = {"become": True} if self.become else {}
        return [
            {
                "name": str(number),
                "action": MODULE,
                "args": self._options(uri),
                "ignore_errors": True,
                "timeout": self.timeout,
                **more,
            }
            for number, uri in enumerate(self.uris)
        ]

    def _options(self, uri: Optional[str]) -> dict[str, Any]:
        options: dict[str, Any] = {"gather": ["agent"] if self.agents else []}
        return options if uri is None else {**options, "uri": uri}


@dataclass
class Answers:
    """What hosts said: for each host a row of ``uri``, ``guests`` and ``unreadable`` guests for each connection."""

    guests: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    failures: list[tuple[str, str]] = field(default_factory=list)


class Collector(CallbackBase):  # type: ignore[misc]
    """Keeps what hosts answer, and shows nothing."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "corral.virt.collector"

    def __init__(self) -> None:
        super().__init__()
        self.answers = Answers()

    def v2_runner_on_ok(self, result: Any) -> None:
        """Keep of the guests of a host what an inventory has, which is the half of it."""
        said = result._result
        row = {name: said.get(name) or [] for name in ("guests", "unreadable")}
        row["uri"] = said.get("uri")
        self.answers.guests.setdefault(result._host.get_name(), []).extend(in_short([row]))

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Keep why a host did not say anything."""
        said = result._result
        self.answers.failures.append((result._host.get_name(), str(said.get("msg") or "it does not say why")))

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Keep why a host was not reached."""
        self.v2_runner_on_failed(result)


class Fleet:
    """The hosts of an inventory so far; ``inventory`` is what an inventory plugin is given, ``path`` its file."""

    def __init__(self, inventory: Any, loader: Any, path: str) -> None:
        self._loader = loader
        self._manager = InventoryManager(loader=loader, sources=[*_sources(), path], parse=False)
        _copy(inventory, self._manager._inventory)
        self._manager.reconcile_inventory()
        self._variables = VariableManager(loader=loader, inventory=self._manager)

    def hosts(self, pattern: str) -> list[str]:
        """The names of the hosts that a pattern matches, sorted."""
        return sorted(host.get_name() for host in self._manager.get_hosts(pattern))

    def ask(self, hosts: Iterable[str], question: Question) -> Answers:
        """Ask these hosts, all at once; those that do not answer are among the failures."""
        wanted = list(hosts)
        collector = Collector()
        if wanted and question.uris:
            with _arguments(NOT_OURS), _signals():
                self._run(wanted, question, collector)
        return collector.answers

    def variables(self, host: str) -> dict[str, Any]:
        """The variables by which a host is reached, as they are written: templates are still templates."""
        # without a host of that name there is the implicit localhost
        found = self._variables.get_vars(host=self._manager.get_host(host), include_hostvars=False)
        connection = _plain(found.get("ansible_connection")) or C.DEFAULT_TRANSPORT
        become = _plain(found.get("ansible_become_method")) or C.DEFAULT_BECOME_METHOD
        names = ALWAYS | ALSO | _read_by(connection_loader, "connection", connection)
        names |= _read_by(become_loader, "become", become)
        return {name: found[name] for name in sorted(names - NEVER) if name in found}

    def _run(self, hosts: list[str], question: Question, collector: Collector) -> None:
        text = {"name": "Guests", "hosts": hosts, "gather_facts": False, "strategy": "ansible.builtin.linear"}
        play = Play().load({**text, "tasks": question.tasks()}, variable_manager=self._variables, loader=self._loader)
        manager = TaskQueueManager(
            inventory=self._manager,
            variable_manager=self._variables,
            loader=self._loader,
            passwords=_passwords(),
            run_additional_callbacks=False,
            forks=question.forks or context.CLIARGS.get("forks") or C.DEFAULT_FORKS,
        )
        try:
            _listen(manager, collector)
            manager.run(play)
        finally:
            manager.cleanup()


def _copy(inventory: Any, copy: Any) -> None:
    """The hosts and groups of one inventory into another one."""
    for group in inventory.groups.values():
        copy.add_group(group.name)
        for name, value in group.vars.items():
            copy.set_variable(group.name, name, value)
    for host in inventory.hosts.values():
        copy.add_host(host.name)
        for name, value in host.vars.items():
            copy.set_variable(host.name, name, value)
    for group in inventory.groups.values():
        for member in (*group.child_groups, *group.hosts):
            copy.add_child(group.name, member.name)


def _sources() -> list[str]:
    """The sources of the inventory, beside which group_vars and host_vars are looked for."""
    found = context.CLIARGS.get("inventory") or C.DEFAULT_HOST_LIST
    return [found] if isinstance(found, str) else list(found)


def _listen(manager: Any, collector: Collector) -> None:
    """Let a collector be the only callback; a name of a plugin is all that can be given to the manager itself."""
    if hasattr(collector, "_init_callback_methods"):  # ansible-core 2.19 and newer
        collector._init_callback_methods()
        manager._callback_plugins = [collector]
    else:
        manager._stdout_callback, manager._callbacks_loaded = collector, True


def _passwords() -> dict[str, Optional[str]]:
    """What files of passwords say; what was typed in is known to the command alone."""
    names = {"conn_pass": "connection_password_file", "become_pass": "become_password_file"}
    files = {key: context.CLIARGS.get(name) for key, name in names.items()}
    return {key: CLI.get_password_from_file(path) if path else None for key, path in files.items()}


def _read_by(loader: Any, kind: str, name: str) -> frozenset[str]:
    """The variables that a plugin reads."""
    return frozenset(C.config.get_plugin_vars(kind, name)) if loader.get(name, class_only=True) else frozenset()


def _plain(value: Any) -> str:
    return str(value) if isinstance(value, str) and "{" not in value else ""


@contextmanager
def _arguments(changed: Mapping[str, Any]) -> Iterator[None]:
    """Change the command line for a while."""
    before = context.CLIARGS
    context.CLIARGS = CLIArgs({**USUAL, **before, **changed})
    try:
        yield
    finally:
        context.CLIARGS = before


@contextmanager
def _signals() -> Iterator[None]:
    """A task queue manager takes signals, and gives none back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
