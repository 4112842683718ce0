# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lookup of corral.virt.mistyped: see plugin_utils/mistyped.py."""

from __future__ import annotations

DOCUMENTATION = r"""
name: mistyped
short_description: Finds variables whose names are almost those of a role
version_added: 0.1.0
author:
  - corral.virt contributors (@corral-virt)
description:
  - Returns a sentence for each variable whose name is not, but is close to, one that the role documents. Ansible itself
    leaves such a variable lying.
  - A name counts as mistyped with one letter that is missing, too many, wrong or swapped with its neighbour, or with
    two of these where the name that was meant has eight letters or more after the prefix. A name that has less than
    four letters there is neither told nor taken for one that was meant, and a name with a digit is never told.
  - A variable that is mentioned in the value of one of the role's own is used there, and is not told.
  - The roles of this collection look themselves, in a task that they have anyway.
options:
  _terms:
    description:
      - Files C(meta/argument_specs.yml) of roles. The variables of the entry point C(main) begin with
        one word and an underscore.
    required: true
    type: list
    elements: path
  own:
    description:
      - Names that are meant as they are.
    type: list
    elements: str
    default: []
  warn:
    description:
      - Whether each sentence is also a warning of the task.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Let nobody mistype a variable of this role
  ansible.builtin.assert:
    that: role_mistyped | length == 0
    fail_msg: "{{ role_mistyped | join(' ') }}"
  vars:
    role_mistyped: "{{ query('corral.virt.mistyped', role_path ~ '/meta/argument_specs.yml') }}"
"""

RETURN = r"""
_raw:
  description:
    - Sentences such as V(site_netwroks is no variable of this role; did you mean site_networks?).
  type: list
  elements: str
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Optional

from ansible.errors import AnsibleLookupError
from ansible.module_utils.common.yaml import yaml_load
from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display
from yaml import YAMLError

from ansible_collections.corral.virt.plugins.plugin_utils.mistyped import mistyped

display = Display()


class LookupModule(LookupBase):  # type: ignore[misc]
    """Looks at the names of all variables of a host."""

    def run(self, terms: Sequence[str], variables: Optional[Mapping[str, Any]] = None, **kwargs: Any) -> list[str]:
        """Return the sentences for each role, in the order of the variables' names."""
        self.set_options(var_options=variables, direct=kwargs)
        own = self.get_option("own")
        found = [said for term in terms for said in mistyped(variables or {}, _documented(str(term)), own)]
        for said in found if self.get_option("warn") else ():
            display.warning(said)
        return found


def _documented(path: str) -> list[str]:
    """The names of a role's variables."""
    try:
        return list(yaml_load(Path(path).read_text(encoding="utf-8"))["argument_specs"]["main"]["options"])
    except (OSError, ValueError, LookupError, TypeError, YAMLError) as error:
        raise AnsibleLookupError(f"{path} describes no role: {error}") from error
