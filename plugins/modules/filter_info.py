#!/usr/bin/python
# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts about network filters."""

from __future__ import annotations

DOCUMENTATION = r"""
module: filter_info
short_description: Show network filters
version_added: 0.1.0
author:
  - corral.virt contributors (@corral-virt)
description:
  - Returns what one, several or all network filters of a connection are, who uses them, and what of their rules active
    guests lack.
  - The filters that are built in are among them.
  - The connection is read-only, so nothing is ever changed.
extends_documentation_fragment:
  - corral.virt.connection
  - corral.virt.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
  platform:
    support: full
options:
  name:
    description:
      - The names of the filters to show, one or a list of them; a uuid serves as well.
      - Without it all filters are shown. An empty list shows none.
      - A filter that does not exist is not an error; its name is in RV(missing) then.
    type: list
    elements: str
    aliases: [names]
  builtin:
    description:
      - Of all filters, show only those that are built in, or with V(false) only those that somebody has defined.
    type: bool
  xml:
    description:
      - Whether to return the definitions as libvirt's nwfilter XML, in C(xml) of each filter.
    type: bool
    default: false
seealso:
  - module: corral.virt.filter
"""

EXAMPLES = r"""
- name: The filters that somebody has defined
  corral.virt.filter_info:
    builtin: false
  register: found

- name: Stop here when active guests lack rules of one of them
  ansible.builtin.assert:
    that: found.filters | map(attribute='faults') | flatten == []

- name: What a built-in filter does
  corral.virt.filter_info:
    name: clean-traffic
    xml: true

- name: Who uses a filter
  corral.virt.filter_info:
    name: [web, no-mail]
  register: asked

- name: Say their names
  ansible.builtin.debug:
    msg: "{{ asked.filters | map(attribute='users') | flatten | map(attribute='name') | unique }}"
"""

RETURN = r"""
uri:
  description: The connection that was opened.
  returned: success
  type: str
  sample: qemu:///system
filters:
  description: The filters, in the order in which they were asked for; all of them are sorted by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name.
      type: str
      sample: web
    uuid:
      description: The uuid.
      type: str
      sample: 7f1f1e9e-6d5b-4a4e-9d9f-3d8c5c7f5a10
    builtin:
      description: Whether the filter is there without being defined.
      type: bool
      sample: false
    chain:
      description: Where its rules for frames stand.
      type: str
      sample: root
    priority:
      description: When that chain is gone through. It means nothing for the chain V(root).
      type: int
      sample: 0
    filters:
      description: The names of the filters that it takes in.
      type: list
      elements: str
      sample: [clean-traffic]
    rules:
      description: How many rules it has of its own.
      type: int
      sample: 3
    users:
      description:
        - Who refers to it, each with C(kind), which is V(guest) or V(filter), and C(name). Guests need not be active.
        - A guest of whose damaged files nothing can be told may refer to any filter, and counts.
      type: list
      elements: dict
      sample: [{kind: guest, name: web1}]
    faults:
      description:
        - What of its rules active guests lack, each with C(what), a word, and C(detail), a sentence. The modules
          M(corral.virt.filter) and M(corral.virt.vm) mend it.
      type: list
      elements: dict
    xml:
      description: The definition.
      returned: with O(xml=true)
      type: str
unreadable:
  description:
    - Filters that are there and cannot be looked at, such as those whose files are damaged. They are in no other list.
    - Each of them is warned of, too. A filter that O(name) names is an error instead.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The name.
      type: str
      sample: web
    error:
      description: Why, with the file where it is one.
      type: str
    hint:
      description: What to do about it, V(null) where that is not known.
      type: str
missing:
  description: The names of filters that were asked for and do not exist.
  returned: success
  type: list
  elements: str
connection:
  description: Which drivers were asked for the connection, and what each of them answered.
  returned: when it could not be opened, and with C(-vv)
  type: dict
error:
  description: The kind of the failure, such as V(UriError) or V(NoConnection).
  returned: on failure
  type: str
hint:
  description: What to do about the failure, which is a part of the message too.
  returned: on failure
  type: str
details:
  description: Values that belong to the failure.
  returned: on failure
  type: dict
"""

from typing import Any

from ansible_collections.corral.virt.plugins.module_utils.converge.argspec import CONNECTION, Spec
from ansible_collections.corral.virt.plugins.module_utils.converge.entry import run
from ansible_collections.corral.virt.plugins.module_utils.converge.job import Job

FILTERS = Spec(
    {
        "name": {"type": "list", "elements": "str", "aliases": ["names"]},
        "builtin": {"type": "bool"},
        "xml": {"type": "bool", "default": False},
    }
)


def work(job: Job) -> dict[str, Any]:
    """Look at the filters."""
    from ansible_collections.corral.virt.plugins.module_utils.converge.filter_look import show_filters

    return show_filters(job)


def main() -> None:
    """Run the module."""
    run(work, CONNECTION, FILTERS, read_only=True)


if __name__ == "__main__":
    main()
