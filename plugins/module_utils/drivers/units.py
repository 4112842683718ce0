# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The units of systemd in which guests, networks and pools live, where a host has ours.

What a run starts there is started by its unit: the run writes down what is wanted (the order), lets systemd start the
unit, whose launcher reads the order and does what a run without units does itself, and finds the launcher's error, as
the very error that it was, in the answer. Without systemd, without our units, and for every tree of files but the
system's, nothing of this is used. Inside a unit its own object is worked on directly.
"""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, Iterable, Iterator, Mapping, Optional, Sequence, Tuple, Type

from ..errors import CorralError, OperationFailed, OperationInvalid, sentence
from ..host.api import Completed, Host
from ..host.layout import Layout, short_name

# The word of each kind in the names of its units.
WORDS = {"domain": "vm", "network": "network", "pool": "pool"}
# Set in each of our units to its own name.
VARIABLE = "CORRAL_UNIT"
# There as long as systemd is the host's first process (sd_booted(3)).
BOOTED = "/run/systemd/system"
# Where systemd keeps what was set at runtime.
CONTROL = "/run/systemd/system.control"
TARGET = "corral.target"
# Beside the units, where systemd knows no such kind of file: from now on they say what starts with the host.
TOLD = f"{TARGET}.told"
# Seconds until systemd has started or stopped one; the units have limits of their own below it.
TIMEOUT = 600.0
# systemd.unit(5): a unit's name has at most 255 bytes; ours have a prefix and a suffix, our files an ending.
INSTANCE_LIMIT = 200
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_.")


def escaped(name: str) -> str:
    """Return a name as systemd-escape(1) writes it."""
    return "".join(
        chr(byte) if byte in _PLAIN else f"\\x{byte:02x}" for byte in name.encode("utf-8", "surrogateescape")
    )


def instance_of(name: str) -> str:
    """Return what a name is called among the instances of a unit.

    A name that is too long gets a digest after a hyphen, which no escaped name has.
    """
    whole = escaped(name)
    if len(whole) <= INSTANCE_LIMIT:
        return whole
    head, _hyphen, digest = short_name(name).rpartition("-")
    return f"{escaped(head)}-{digest}"


def name_of(instance: str, names: Iterable[str]) -> str:
    """Return the name of an instance; ``names`` are those that there are. Raises ValueError for none of ours."""
    if "-" in instance:
        return next(name for name in names if instance_of(name) == instance)
    head, *rest = instance.split("\\x")
    data = head.encode() + b"".join(bytes([int(part[:2], 16)]) + part[2:].encode() for part in rest)
    return data.decode("utf-8", "surrogateescape")


class Units:
    """The units of one kind of object of one tree of files."""

    def __init__(self, host: Host, layout: Layout, kind: str) -> None:
        self.host = host
        self.layout = layout
        self.word = WORDS.get(kind, "")
        self._installed: Optional[bool] = None

    @property
    def installed(self) -> bool:
        """Whether this host has units for these objects."""
        if self._installed is None:
            here = bool(self.word and self.layout.systemd)
            self._installed = here and all(self.host.stat(path) for path in (BOOTED, self._template()))
        return self._installed

    def serves(self, name: str) -> bool:
        """Whether an object is started by its unit: here there is one, and we are not in it."""
        return self.installed and self.host.env(VARIABLE) != self.unit(name)

    def unit(self, name: str) -> str:
        """Return the name of an object's unit."""
        return f"corral-{self.word}@{instance_of(name)}.service"

    # starting and stopping

    def start(self, name: str, active: Callable[[], bool], **order: Any) -> None:
        """Start an object in its unit; the caller does not hold its lock. ``order`` are plain values for the launcher.

        ``active`` says whether the object is active by now: one that has come back by itself meanwhile is as wanted,
        unless the order wants more than that. Raises the launcher's own error, OperationInvalid when somebody else has
        started it otherwise, and OperationFailed when systemd could not even run the launcher.
        """
        done, taken = self._ordered("start", name, order)
        if not taken and not active():
            # systemd has not seen yet that the object has ended, or has seen it start too often: both is over by this
            self.settle(name)
            done, taken = self._ordered("start", name, order)
        if not taken and active():
            if any(order.values()):
                raise OperationInvalid(f"{self.unit(name)} was started by somebody else meanwhile.", name=name)
            return
        self._check(done, taken, name, "start")

    def reload(self, name: str, **order: Any) -> bool:
        """Let the launcher mend what is active in its unit; False when the unit is not active, and nothing was done."""
        if not self.serves(name) or not self.is_active(name):
            return False
        self._check(*self._ordered("reload", name, order), name, "reload")
        return True

    def settle(self, name: str) -> None:
        """Wait until the unit of an object that has ended is over, too; it has not failed then."""
        if self.serves(name):
            self._ordered("stop", name, {"over": True})
            self._systemctl("reset-failed", self.unit(name))

    def is_active(self, name: str) -> bool:
        """Whether the unit of an object is active."""
        return not self._systemctl("is-active", "--quiet", self.unit(name)).code

    def await_rest(self, name: str, active: Callable[[], bool], *, timeout: float) -> None:
        """Wait until systemd is done with the unit of an object that is off: until it is active again, or stays off."""

        def rests() -> bool:
            said = self._systemctl("show", "--property=ActiveState,Job", self.unit(name)).stdout.decode().splitlines()
            found = dict(line.split("=", 1) for line in said if "=" in line)
            state = found.get("ActiveState", "inactive")
            if state in ("inactive", "failed"):
                return found.get("Job", "") in ("", "0")
            return state == "active" and active()

        self.host.wait_for(rests, timeout=timeout)

    def start_at_once(self, name: str) -> None:
        """Let systemd start the unit of what is active already; raises CommandFailed."""
        self._systemctl("start", self.unit(name), check=True)

    def start_later(self, name: str) -> None:
        """Let systemd start an object when its unit has come to its end."""
        self._systemctl("--no-block", "start", self.unit(name))

    def set_properties(self, name: str, properties: Sequence[Tuple[str, str]]) -> None:
        """Let systemd hold a running unit to these limits, until the host goes down; raises CommandFailed."""
        words = [f"{key}={value}" for key, value in properties]
        self._systemctl("set-property", "--runtime", self.unit(name), *words, check=True)

    def has_properties(self, name: str) -> bool:
        """Whether a unit was held to limits before, since the host came up."""
        return self.host.stat(f"{CONTROL}/{self.unit(name)}.d") is not None

    # with the host

    def host_ends(self) -> bool:
        """Whether the host goes down or is started again."""
        return self._systemctl("is-system-running").stdout.strip() == b"stopping"

    def tells(self) -> bool:
        """Whether units say what starts with the host; until :meth:`let_tell` the marks of the objects do.

        The place of the links says nothing of that: systemctl(1) removes it with the last of them, and what else is
        wanted by the target keeps it when all of ours have been taken away.
        """
        return self.host.stat(self._told()) is not None

    def let_tell(self) -> None:
        """Write down that what the marks say has reached the units."""
        self.host.write(self._told(), b"Units were enabled as their guests, networks and pools say.\n", mode=0o644)

    def enabled(self, name: str) -> bool:
        """Whether systemd starts an object with the host."""
        return self.host.stat(self._wanted(name)) is not None

    def enable(self, name: str, wanted: bool) -> None:
        """Let systemd start an object with the host, or not: the link that systemctl(1) enable makes, no more."""
        if not self.installed or self.enabled(name) == wanted:
            return
        if not wanted:
            self.host.remove(self._wanted(name))
            return
        self.host.make_directory(self._wants())
        self.host.symlink(self._template(), self._wanted(name))

    def enabled_names(self, names: Iterable[str]) -> Iterator[str]:
        """Yield the objects that systemd starts with the host, ``names`` being those that there are or are not."""
        begin, end = f"corral-{self.word}@", ".service"
        known = list(names)
        for entry in self.host.entries(self._wants()):
            if entry.startswith(begin) and entry.endswith(end):
                try:
                    yield name_of(entry[len(begin) : -len(end)], known)
                except (ValueError, StopIteration):
                    continue

    # for the launcher

    def take_order(self, instance: str, verb: str) -> Dict[str, Any]:
        """Return the order for an instance, and that it was taken is seen by whoever gave it; {} when there is none.

        One that was given for another verb is left: its launcher is still to come.
        """
        path = self.layout.unit_file(self.word, instance, "order")
        try:
            found = json.loads(self.host.read(path) or b"{}")
        except ValueError:
            found = {}
        if not isinstance(found, dict) or found.pop("verb", verb) != verb:
            return {}
        self.host.remove(path)
        return found

    def answer(self, instance: str, error: CorralError) -> None:
        """Leave an error for whoever gave the order."""
        text = json.dumps(to_plain(error), default=str)
        self.host.make_directory(self.layout.units_dir, mode=0o700)
        self.host.write(self.layout.unit_file(self.word, instance, "answer"), text.encode(), lasting=False)

    def pid_file(self, instance: str) -> str:
        """Return the file in which systemd looks for the process of a guest."""
        return self.layout.unit_file(self.word, instance, "pid")

    # inside

    def _ordered(self, verb: str, name: str, order: Mapping[str, Any]) -> Tuple[Completed, bool]:
        """Give an order and let systemd work on the unit; returns also whether the launcher took the order."""
        path = self._file(name, "order")
        self.host.remove(self._file(name, "answer"))
        self.host.make_directory(self.layout.units_dir, mode=0o700)
        self.host.write(path, json.dumps({"verb": verb, "name": name, **order}).encode(), lasting=False)
        done = self._systemctl(verb, self.unit(name))
        return done, not self.host.remove(path)

    def _check(self, done: Completed, taken: bool, name: str, verb: str) -> None:
        """Raise what went wrong in a unit."""
        answer = self.host.read(self._file(name, "answer"))
        self.host.remove(self._file(name, "answer"))
        if not done.code and taken:
            return
        if verb == "start":
            self._systemctl("reset-failed", self.unit(name))
        if answer:
            raise from_plain(json.loads(answer))
        said = done.stderr.decode("utf-8", "replace").strip() or "it did not run the launcher"
        raise OperationFailed(
            f"systemd could not {verb} {self.unit(name)}: {sentence(said.splitlines()[0])}",
            hint=f"See: journalctl -u '{self.unit(name)}'",
        )

    def _systemctl(self, *words: str, check: bool = False) -> Completed:
        return self.host.run(["systemctl", "--no-ask-password", *words], timeout=TIMEOUT, check=check)

    def _template(self) -> str:
        return f"{self.layout.systemd}/corral-{self.word}@.service"

    def _wants(self) -> str:
        return f"{self.layout.systemd}/{TARGET}.wants"

    def _told(self) -> str:
        return f"{self.layout.systemd}/{TOLD}"

    def _wanted(self, name: str) -> str:
        return f"{self._wants()}/{self.unit(name)}"

    def _file(self, name: str, ending: str) -> str:
        return self.layout.unit_file(self.word, instance_of(name), ending)


def to_plain(error: CorralError) -> Dict[str, Any]:
    """Return an error as values that JSON has; ``error`` are the names of its class and of those above it."""
    return {**vars(error), "error": [kind.__name__ for kind in type(error).__mro__ if issubclass(kind, CorralError)]}


def from_plain(plain: Mapping[str, Any]) -> CorralError:
    """Return the error of another process: of the same class, or the nearest that is known here, with all it says."""
    known = {each.__name__: each for each in _errors(CorralError)}
    kind = next((known[name] for name in plain.get("error", ()) if name in known), OperationFailed)
    error = kind.__new__(kind)
    Exception.__init__(error, plain.get("message"))
    said = {name: value for name, value in plain.items() if name != "error"}
    vars(error).update({"message": "", "hint": None, "details": {}, **said})
    return error


def _errors(kind: Type[CorralError]) -> Iterator[Type[CorralError]]:
    yield kind
    for each in kind.__subclasses__():
        yield from _errors(each)
