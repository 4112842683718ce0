# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guests of hosts as hosts of the inventory."""

from __future__ import annotations

DOCUMENTATION = r"""
name: guests
short_description: Virtual machines of hosts as hosts of the inventory
version_added: 0.1.0
author:
  - corral.virt contributors (@corral-virt)
description:
  - Asks hosts of the inventory, all at once, for the guests that they have, and makes each of them a host of the
    inventory with its state, tags and addresses as variables.
  - The hosts are asked by M(corral.virt.vm_info) as any task would ask them, so their variables, the
    configuration, vaults and forks of Ansible apply.
  - It takes a file whose name ends in C(corral_guests.yml) or C(corral_guests.yaml).
  - A host that cannot be asked is a warning, and hides no other one. So is a guest that cannot be looked at, such as
    one whose files are damaged.
extends_documentation_fragment:
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
notes:
  - The hosts must be in the inventory before. Sources are read in the order in which they are given with C(-i), and
    files of a directory in the order of their names, so the file of this plugin comes after those with the hosts, such
    as C(10-hosts.yml) and C(90-corral_guests.yml).
  - Variables in C(group_vars) and C(host_vars) beside the sources of the inventory count. Passwords that are typed in
    (C(--ask-pass), C(--ask-become-pass)) are not known while the inventory is read; files of passwords are.
  - What guests say of themselves is data and never a template. Addresses that the guest's agent or the host's
    neighbour table knows are what a guest claims; O(use_addresses) can hold it to a subnet.
  - With O(cache=true), answers of hosts are kept, but no failures. A host that was not reached is asked again the next
    time.
options:
  plugin:
    description: This plugin.
    type: str
    required: true
    choices: [corral.virt.guests]
  hosts:
    description:
      - The hosts to ask, as a pattern such as V(hypervisors) or V(all:!laptops).
      - V(localhost) is the controller, also where the inventory does not have it.
    type: str
    default: localhost
  uris:
    description:
      - The connections of each host to look into, such as V(qemu:///system). They may be templates of variables of the
        host.
      - Without any the host chooses, as for modules of this collection.
    type: list
    elements: str
    default: []
  become:
    description:
      - Whether to become root on the hosts, as C(become) of a task says it.
      - Without it, what the configuration and the variables of a host say. C(--become) and its like on the command
        line are for the guests, and do not count for the hosts.
    type: bool
    default: false
  ask_agents:
    description:
      - Whether to ask the agents of guests for addresses, names and systems as well. That takes longer.
      - Otherwise addresses are known from DHCP leases and the host's neighbour table.
    type: bool
    default: false
  timeout:
    description: After how many seconds a host is given up, once for each of O(uris).
    type: int
    default: 60
  forks:
    description: How many hosts are asked at once. Without it, as many as tasks are run at once.
    type: int
  filter:
    description:
      - An expression of the variables of a guest that says whether it is in the inventory, such as C(corral_active).
      - An expression that fails is an error.
    type: str
  hostname:
    description:
      - An expression of the variables of a guest that says how it is called in the inventory.
      - Characters that patterns of hosts have a use for become V(_). Guests that would have the same name, and those
        that would be called as another host of the inventory, get their host's name behind their own, with a warning.
    type: str
    default: corral_name
  merge:
    description:
      - Whether a guest may be called as a host that the inventory has already, and is then that host. So guests can be
        listed in groups by hand.
      - The hosts that are asked, and V(localhost), are never taken over by a guest. Any other one may be, by whoever
        can define guests on one of the hosts.
    type: bool
    default: false
  vars_prefix:
    description: What the names of the variables begin with.
    type: str
    default: corral_
  connection:
    description:
      - How Ansible reaches the guests.
      - V(address) sets C(ansible_host) and nothing else.
      - V(guest_agent) is P(corral.virt.guest_agent#connection), by the agent of the guest and by the connection of its
        host; it takes no network between the controller and the guest.
    type: str
    choices: [address, guest_agent]
    default: address
  use_addresses:
    description:
      - Which addresses are taken for C(ansible_host), families (V(ipv4), V(ipv6)) and subnets, the best one first.
      - An address that is none of these is not taken. A guest without any that is taken has no C(ansible_host).
    type: list
    elements: str
    default: [ipv4, ipv6]
seealso:
  - module: corral.virt.vm_info
  - plugin: corral.virt.guest_agent
    plugin_type: connection
"""

EXAMPLES = r"""
# The guests of this machine, in corral_guests.yml
plugin: corral.virt.guests

# Those of a group of hosts, with groups by state, tag and host, kept for five minutes
---
plugin: corral.virt.guests
hosts: hypervisors
uris: ["qemu:///system"]
become: true
filter: corral_active
groups:
  small: corral_memory_mib < 2048
keyed_groups:
  - key: corral_tags
    prefix: tag
  - key: corral_host
    prefix: host
compose:
  ansible_user: "'admin'"
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.cache/corral-guests
cache_timeout: 300

# Reached by their agents; every name has its host's in it
---
plugin: corral.virt.guests
hosts: hypervisors
connection: guest_agent
hostname: corral_name ~ '.' ~ corral_host

# Reached by IPv6, else by addresses of one network, through their host
---
plugin: corral.virt.guests
hosts: hypervisors
ask_agents: true
use_addresses: [ipv6, 192.168.122.0/24]
compose:
  ansible_ssh_common_args: "'-o ProxyJump=' ~ corral_host"

# The test driver, for trying things out
---
plugin: corral.virt.guests
uris: ["test:///default"]
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from json import dumps
from typing import Any

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.utils.unsafe_proxy import wrap_var

from ansible_collections.corral.virt.plugins.plugin_utils.asking import Fleet, Question
from ansible_collections.corral.virt.plugins.plugin_utils.guests import (
    SHOWN,
    Guest,
    chosen,
    guests_in,
    read_wanted,
    unique_names,
    unreadable_in,
)

try:
    from ansible.template import trust_as_template
except ImportError:  # ansible-core before 2.19, in which any text may be a template

    def trust_as_template(text: str) -> str:
        """The text."""
        return text


ENDINGS = ("corral_guests.yml", "corral_guests.yaml")
CONTROLLER = "localhost"
AGENT = "corral.virt.guest_agent"
# Texts that cannot be templates. They are left unmarked, so that ansible-inventory shows them as they are.
HARMLESS = re.compile(r"[\w .:;,/@+=?()-]*")


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):  # type: ignore[misc]
    """The guests of hosts."""

    NAME = "corral.virt.guests"

    def verify_file(self, path: str) -> bool:
        """Whether a source is for us, by its name."""
        return bool(super().verify_file(path)) and path.endswith(ENDINGS)

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        """Add the guests to the inventory."""
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        self._prefix = self.get_option("vars_prefix")
        try:
            wanted = read_wanted(self.get_option("use_addresses"))
        except ValueError as error:
            raise AnsibleParserError(f"use_addresses: {error}.") from None
        fleet = Fleet(inventory, loader, path)
        asked = fleet.hosts(self.get_option("hosts"))
        guests = [guest for guest in guests_in(self._answers(fleet, asked, path, cache)) if self._is_wanted(guest)]
        ways = {host: self._way(fleet, host) for host in sorted({guest.host for guest in guests})}
        for name, guest in zip(self._names(guests, asked), guests):
            self._add(name, guest, chosen(guest.addresses, wanted), ways[guest.host])

    def _answers(self, fleet: Fleet, hosts: list[str], path: str, cache: bool) -> dict[str, Any]:
        """What the hosts say, or have said when the cache is new enough; those that it lacks are asked."""
        question = self._question()
        kept = self.get_option("cache")
        key, about = self.get_cache_key(path), dumps([[*question.uris], question.agents])
        known: Mapping[str, Any] = self._cache.get(key) or {} if kept and cache else {}
        answers = dict(known["guests"]) if known.get("about") == about else {}
        missing = [host for host in hosts if host not in answers]
        found = fleet.ask(missing, question)
        for host, why in found.failures:
            self.display.warning(f"Guests of {host} are missing in the inventory: {why}")
        failed = {host for host, _why in found.failures}
        if kept and missing:
            whole = {host: rows for host, rows in found.guests.items() if host not in failed}
            self._cache[key] = {"about": about, "guests": {**answers, **whole}}
        said = {host: rows for host, rows in {**answers, **found.guests}.items() if host in hosts}
        for host, why in unreadable_in(said):
            self.display.warning(
                f"Guests of {host} are missing in the inventory, since they cannot be looked at: {why}"
            )
        return said

    def _question(self) -> Question:
        return Question(
            uris=self.get_option("uris") or [None],
            agents=self.get_option("ask_agents"),
            become=self.get_option("become"),
            timeout=self.get_option("timeout"),
            forks=self.get_option("forks"),
        )

    def _is_wanted(self, guest: Guest) -> bool:
        expression = self.get_option("filter")
        return not expression or bool(self._said(expression, "filter", guest))

    def _names(self, guests: list[Guest], asked: Iterable[str]) -> list[str]:
        """The names of the guests in the inventory; a warning names those that are not called as they should be."""
        wanted = [str(self._said(self.get_option("hostname"), "hostname", guest)) for guest in guests]
        taken = {CONTROLLER, *asked, *(() if self.get_option("merge") else self.inventory.hosts)}
        names = unique_names(guests, wanted, taken)
        others = [f"{guest.facts['name']} of {guest.host} as {name}" for guest, name in zip(guests, names)]
        others = [text for text, name, other in zip(others, wanted, names) if name != other]
        if others:
            more = f" and {len(others) - SHOWN} more" if len(others) > SHOWN else ""
            self.display.warning(
                "Guests whose names other hosts of the inventory have, or that cannot be names there, are in the"
                f" inventory by other names: {', '.join(others[:SHOWN])}{more}."
            )
        return names

    def _said(self, expression: str, option: str, guest: Guest) -> Any:
        plain = guest.variables(self._prefix)
        if expression in plain:  # which needs no compiler
            return as_data(plain[expression])
        try:
            return self._compose(expression, as_data(plain))
        except Exception as error:
            about = f"for guest {guest.facts['name']} of {guest.host}"
            raise AnsibleParserError(f"{option}: {error} ({about})") from None  # newer ones would say it twice

    def _variables(self, guest: Guest) -> dict[str, Any]:
        return {name: as_data(value) for name, value in guest.variables(self._prefix).items()}

    def _way(self, fleet: Fleet, host: str) -> dict[str, Any]:
        """The variables by which the connection plugin for agents reaches a host: nothing for the controller."""
        if self.get_option("connection") != "guest_agent":
            return {}
        names = fleet.variables(host)
        become = self.get_option("become") or "ansible_become" in names
        if names.get("ansible_connection") == "local" and not become:
            return {}
        variables = f"hostvars[{dumps(host)}]"
        way: dict[str, Any] = {name: trust_as_template(f"{{{{ {variables}.{name} }}}}") for name in names}
        way["ansible_host"] = trust_as_template(f"{{{{ {variables}.ansible_host | default({dumps(host)}) }}}}")
        return {**way, "ansible_become": True} if self.get_option("become") else way

    def _add(self, name: str, guest: Guest, address: Any, way: dict[str, Any]) -> None:
        self.inventory.add_host(name)
        for key, value in {**self._variables(guest), **self._reached(guest, address, way)}.items():
            self.inventory.set_variable(name, key, value)
        strict = self.get_option("strict")
        variables = self.inventory.get_host(name).get_vars()
        self._set_composite_vars(self.get_option("compose"), variables, name, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), {}, name, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), {}, name, strict=strict)

    def _reached(self, guest: Guest, address: Any, way: dict[str, Any]) -> dict[str, Any]:
        """How Ansible reaches a guest."""
        found = {"ansible_host": as_data(address)} if address else {}
        if self.get_option("connection") != "guest_agent":
            return found
        own = {"ansible_connection": AGENT, "ansible_guest_agent_guest": as_data(guest.facts.get("uuid") or "")}
        return {**found, **own, "ansible_guest_agent_uri": as_data(guest.uri), "ansible_guest_agent_via": way}


def as_data(value: Any) -> Any:
    """A value in which no text is ever a template."""
    if isinstance(value, str):
        return _text_as_data(str.__str__(value))  # without a mark: before 2.19 the class of a text was one
    if isinstance(value, Mapping):
        return {str(name): as_data(inner) for name, inner in value.items()}
    return [as_data(inner) for inner in value] if isinstance(value, (list, tuple)) else value


@lru_cache(maxsize=4096)
def _text_as_data(text: str) -> Any:
    """Such a text; guests say the same words again and again."""
    return trust_as_template(text) if HARMLESS.fullmatch(text) else wrap_var(text)
