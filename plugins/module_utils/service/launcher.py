# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What systemd's units run: VERB KIND INSTANCE, without Ansible.

    start vm|network|pool INSTANCE    what a module does where there are no units; the order says how
    stop vm|network|pool INSTANCE     a guest is asked to shut down, and ended when it takes too long; when the host
                                      goes down it is saved, where that is wanted
    reload network INSTANCE           what is broken of an active network is mended
    ended vm INSTANCE                 cleans up after a guest, and does what its definition says for that event
    sync                              units and marks of autostart agree; what is active is in its unit; guests that
                                      were saved when the host went down go on

An INSTANCE is a name as a unit has it (%i). What goes wrong is said on standard error, which is the journal, and left
as an answer for whoever gave the order.
"""

from __future__ import annotations

import sys
from typing import Callable, Mapping, Optional, Sequence, Tuple

from ..errors import CorralError
from ..host.api import Host
from ..host.layout import Layout
from .call import KINDS, Call, called

Action = Callable[[Call], None]
# For these somebody may wait who raises the error.
ANSWERED = ("start", "reload")


def main(words: Sequence[str], host: Optional[Host] = None) -> int:
    """Do what the words say; returns the exit code."""
    machine = _local_host() if host is None else host
    if list(words) == ["sync"]:
        return _synced(machine)
    action = ACTIONS.get((words[0], words[1])) if len(words) == 3 else None
    if action is None:
        say("usage: start|stop vm|network|pool INSTANCE, reload network INSTANCE, ended vm INSTANCE, sync")
        return 2
    return _done(action, machine, *words)


def _done(action: Action, host: Host, verb: str, word: str, instance: str) -> int:
    try:
        call = called(host, KINDS[word], instance, verb)
        with call:
            if not (verb == "stop" and call.order.get("over")):
                action(call)
    except CorralError as error:
        say(str(error))
        if verb in ANSWERED:
            _leave_answer(host, word, instance, error)
        return 1
    return 0


def _leave_answer(host: Host, word: str, instance: str, error: CorralError) -> None:
    from ..drivers.units import Units

    try:
        Units(host, Layout.system(), KINDS[word]).answer(instance, error)
    except CorralError as second:
        say(str(second))


def _synced(host: Host) -> int:
    from .sync import synchronise

    try:
        for line in synchronise(host):
            sys.stdout.write(f"{line}\n")
    except CorralError as error:
        say(str(error))
        return 1
    return 0


def say(text: str) -> None:
    """Tell the journal."""
    sys.stderr.write(f"{text}\n")


def _local_host() -> Host:
    from ..host.local import LocalHost

    return LocalHost()


# each imports what it takes only


def _start_guest(call: Call) -> None:
    from ..host.local_processors import processors
    from .guests import start_guest
    from .turns import turn

    with turn(call.host, Layout.system(), processors()):
        start_guest(call, say)


def _stop_guest(call: Call) -> None:
    from .guests import stop_guest

    stop_guest(call, say)


def _after_guest(call: Call) -> None:
    from .guests import after_guest

    after_guest(call, say)


def _start_other(call: Call) -> None:
    from .others import start

    start(call)


def _stop_other(call: Call) -> None:
    from .others import stop

    stop(call)


def _mend_network(call: Call) -> None:
    call.connection.network.mend_network(call.name)


ACTIONS: Mapping[Tuple[str, str], Action] = {
    ("start", "vm"): _start_guest,
    ("stop", "vm"): _stop_guest,
    ("ended", "vm"): _after_guest,
    ("start", "network"): _start_other,
    ("stop", "network"): _stop_other,
    ("reload", "network"): _mend_network,
    ("start", "pool"): _start_other,
    ("stop", "pool"): _stop_other,
}
