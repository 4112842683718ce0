# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documentation that modules with a list of objects share."""

from __future__ import annotations


class ModuleDocFragment:
    """How a list is worked through; the list itself is an option of each module, with the name of its objects."""

    DOCUMENTATION = r"""
options:
  parallel:
    description:
      - How many elements of the list are worked on at a time. Elements that have to do with each other, such as two
        that work on one volume, keep their order all the same.
      - Without it guests are worked on by as many threads as there are processors for them, eight at most, and
        everything else one after the other. More than that helps where most of the time is spent waiting for guests.
    type: int
notes:
  - What stands beside the list in the task holds for each element that does not say it itself. An element that says
    V(null) does without it. An element that gives its whole definition as XML takes no part of a description from
    beside.
  - An element is checked like the options of a task. Where one of them is wrong, or two have one name, nothing is done,
    and the message tells what is wrong with any of them.
  - After that each element succeeds or fails for itself. The task fails when one has failed, once all are through, with
    a message that names each, and RV(ignore:results) of all of them, in the order of the list.
  - A list is worked through in one connection, which costs far less than a loop over tasks.
  - Check mode looks at each element with the host as it is. A volume that stands on one that an earlier element of the
    list makes is foreseen. What else only a run would have made by then, such as the subnet that an earlier network has
    chosen, is not.
"""
