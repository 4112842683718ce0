# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Handing a guest over from one host to another: the steps, and what is done when one of them fails.

Each step can be done again, so a run that was ended is finished by the next one. Until the note on the giving host says
that the guest was given, nobody else can have it, and a failure lets it run on where it was. From then on only the
other host may start it.
"""

from __future__ import annotations

import posixpath
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Optional, Protocol

from ansible.errors import AnsibleError

Values = dict[str, Any]
BEGUN, GIVEN, GONE = "begun", "given", "gone"
OFF = "off"
# Bytes of a file in one order: they are in memory some times over, on the controller and on the hosts.
PIECE = 32 << 20


class Way(Protocol):
    """How one of the hosts is asked."""

    def ask(self, order: Mapping[str, Any]) -> Values:
        """Have an order done; returns the answer."""


class Refused(Exception):
    """Why a guest is not handed over, or not wholly; ``error`` is the kind of the failure."""

    def __init__(self, message: str, error: str = "OperationInvalid") -> None:
        super().__init__(message)
        self.error = error


class HandOver:
    """One guest on its way. ``options`` are those of the module; ``say`` tells how far it is."""

    def __init__(self, give: Way, take: Way, options: Mapping[str, Any], say: Callable[[str], None]) -> None:
        self._ways = {"give": (give, options.get("uri")), "take": (take, options.get("to_uri") or options.get("uri"))}
        self._options, self._say = options, say
        self.name, self.to, self._run = options["name"], options["to"], secrets.token_hex(16)
        self.actions: list[Values] = []

    def run(self, *, check: bool) -> Values:
        """Do it, or in check mode say what it would take; raises Refused."""
        if not check:
            self._give("claim")
            self._take("claim")
        guest = self._give("describe", looks=True)
        note = guest["note"]
        if not guest["persistent"]:
            return self._is_gone(guest, note, check=check)
        verdict = self._judged(guest, marked=not check)
        self._check(guest, note, verdict)
        copied = [] if verdict["defined"] else self._to_copy(guest, note, verdict)
        was = _state_to_have(guest, note)
        told = {
            "uuid": guest["uuid"],
            "memory_mib": guest["memory"] >> 10 if was != OFF and not verdict["active"] else 0,
            "available_mib": (verdict.get("available") or 0) >> 10,
            "copied": [part["path"] for part in copied],
            "shared": [part["path"] for part in verdict["parts"] if part["state"] == "shared"],
        }
        if check:
            self._announce(guest, verdict, copied, was)
        else:
            note = self._given(guest, note, verdict, was)
            self._received(note)
            self._left(note, guest)
        return {"changed": True, **told, "actions": self.actions}

    # before anything is done

    def _is_gone(self, guest: Values, note: Optional[Values], *, check: bool) -> Values:
        if guest["there"]:
            raise Refused(f"Guest {self.name} is transient: it has no definition that could be handed over.")
        if note is None or note["to"] != self.to or note["stage"] == BEGUN:
            elsewhere = f" It was handed over to {note['to']}." if note else ""
            raise Refused(f"There is no guest named '{self.name}'.{elsewhere}", "NotFound")
        if note["stage"] == GIVEN and not check:
            self._note({**note, "stage": GONE})
        told = {"uuid": note["uuid"], "memory_mib": 0, "available_mib": 0, "copied": [], "shared": []}
        return {"changed": False, **told, "actions": []}

    def _judged(self, guest: Values, *, marked: bool) -> Values:
        """What the other host says; a file that it sees in a directory of ours tells that they share it."""
        token = f".corral-{secrets.token_hex(8)}"
        places = sorted({posixpath.dirname(part["path"]) for part in guest["parts"] if part["kind"] == "file"})
        asked = {name: guest[name] for name in ("document", "uuid", "state", "parts", "directories", "host")}
        if marked:
            self._give("mark", directories=places, token=token)
        try:
            return self._take("judge", looks=True, token=token, shared=self._options["shared"], **asked)
        finally:
            if marked:
                self._give("unmark", directories=places, token=token)

    def _check(self, guest: Values, note: Optional[Values], verdict: Values) -> None:
        """Raise Refused with everything that stands in the way."""
        problems = [f"it has {tie}" for tie in guest["ties"]] + list(verdict["problems"])
        if verdict.get("same_host"):
            problems = [f"{self.to} is the very host that it is on, or has the same machine id"]
        if verdict["defined"]:
            problems += self._defined_twice(guest, note)
        elif note and note["stage"] == GIVEN and note["to"] != self.to:
            problems.append(f"{note['to']} may have it already: finish the hand-over to that host first")
        available = verdict.get("available")
        if guest["active"] and available is not None and guest["memory"] > available:
            problems.append(f"it takes {guest['memory'] >> 10} MiB of memory, of which {available >> 10} MiB are free")
        if problems:
            raise Refused(f"Guest {self.name} cannot be handed over to {self.to}: {'; '.join(problems)}.")

    def _defined_twice(self, guest: Values, note: Optional[Values]) -> list[str]:
        if note is None or note["stage"] != GIVEN or note["to"] != self.to:
            return [f"{self.to} has it already, and not from this host; remove it there, or here"]
        if guest["active"]:
            return [f"{self.to} has got it, and it runs here; remove it there to begin anew, or stop it here"]
        return []

    def _to_copy(self, guest: Values, note: Optional[Values], verdict: Values) -> list[Values]:
        """The parts that are to be copied; raises Refused where another file is in the place of one."""
        ours = {*verdict["left"], *_on_its_way(note).get("files", ())}
        written = {part["path"]: part["writable"] for part in guest["parts"]}
        copied, wrong = [], []
        for part in verdict["parts"]:
            if part["state"] == "missing":
                copied.append(part)
            elif part["state"] == "other" and not self._is_same(part, guest["active"] and written[part["from"]]):
                copied.append(part)
                if not (self._options["replace"] or {part["path"], part["from"]} & ours):
                    wrong.append(part["path"])
        if wrong:
            raise Refused(
                f"Guest {self.name} cannot be handed over to {self.to}, which has other files in the place of"
                f" {', '.join(wrong)}. Remove them there, or set replace to have them replaced."
            )
        return copied

    def _is_same(self, part: Values, changing: bool) -> bool:
        return not changing and self._digest("give", part["from"]) == self._digest("take", part["path"])

    def _digest(self, side: str, path: str) -> str:
        return str(self._ask(side, "digest", looks=True, path=path)["digest"])

    def _announce(self, guest: Values, verdict: Values, copied: Sequence[Values], was: str) -> None:
        rows = [("stop", guest["active"]), ("copy", copied), ("define", not verdict["defined"])]
        rows += [("start", was != OFF and not verdict["active"]), ("undefine", True)]
        for action, wanted in rows:
            if wanted:
                self._did(action, [part["path"] for part in copied] if action == "copy" else [])

    # doing it

    def _given(self, guest: Values, note: Optional[Values], verdict: Values, was: str) -> Values:
        """Bring the guest to the other host, where it is defined then; a failure before that gives it back."""
        if verdict["defined"] and note is not None:
            return note
        before = _on_its_way(note)
        fresh = {"name": self.name, "uuid": guest["uuid"], "to": self.to, "was": was, "stage": BEGUN}
        autostart = guest["autostart"] or before.get("autostart", False)
        note = self._note({**fresh, "autostart": autostart, "files": list(before.get("files", ()))})
        try:
            guest, note = self._brought(guest, note)
        except (Refused, AnsibleError) as error:
            raise self._given_back(note, error) from error
        note = self._note({**note, "stage": GIVEN})
        asked = {"document": guest["document"], "state": guest["state"], "autostart": note["autostart"]}
        try:
            self._take("define", **asked)
        except Refused as error:
            raise self._sent_back(note, "have", error) from error
        self._did("define")
        return note

    def _brought(self, guest: Values, note: Values) -> tuple[Values, Values]:
        if guest["autostart"]:
            self._give("quiet")
        if guest["active"]:
            self._say(f"{self.name}: shutting down")
            self._give("stop", timeout=self._options["timeout"], force=self._options["force"])
            self._did("stop")
        guest = self._give("describe", looks=True)
        verdict = self._judged(guest, marked=True)
        if guest["active"] or verdict["problems"] or verdict["defined"]:
            said = "; ".join(verdict["problems"]) or "somebody else has started or defined it meanwhile"
            raise Refused(f"Guest {self.name} cannot be handed over to {self.to}: {said}.")
        whats = {part["path"]: part["what"] for part in guest["parts"]}
        for part in self._to_copy(guest, note, verdict):
            note = self._note({**note, "files": sorted({*note["files"], part["from"], part["path"]})})
            self._copy(part, whats[part["from"]])
        return guest, note

    def _copy(self, part: Values, what: str) -> None:
        source, path = part["from"], part["path"]
        found = self._give("sized", looks=True, path=source)
        self._take("begin", path=path, size=found["size"])
        offset = 0
        while True:
            self._say(f"{self.name}: {source}, {offset >> 20} of {found['size'] >> 20} MiB")
            piece = self._give("read", looks=True, path=source, offset=offset, size=PIECE)
            if piece["data"] is None:
                break
            self._take("write", path=path, offset=piece["offset"], data=piece["data"])
            offset = piece["offset"] + piece["length"]
        digest = self._digest("give", source)
        self._take("finish", path=path, digest=digest, mode=found["mode"], what=what)
        self._did("copy", [path])

    def _given_back(self, note: Values, error: Exception) -> Refused:
        """The failure, once the guest is again what it was; nobody else has it."""
        why = str(error)
        try:
            self._give("resume", was=note["was"], autostart=note["autostart"])
            back = "as it was before" if note["was"] != OFF else "off, as it was before"
        except (Refused, AnsibleError) as second:
            back = f"not {note['was']} again, because: {second}"
        kind = error.error if isinstance(error, Refused) else "OperationFailed"
        return Refused(f"{why} It is still on its old host, {back}.", kind)

    def _sent_back(self, note: Values, what: str, error: Refused) -> Refused:
        """The failure of the other host, which gives the guest back: who has not started it has not written to it."""
        self._take("withdraw")
        note = self._note({**note, "stage": BEGUN})
        return self._given_back(note, Refused(f"{self.to} cannot {what} it: {error}", error.error))

    def _received(self, note: Values) -> None:
        """Start it there, where it was active here; one that cannot be started there comes back."""
        if note["was"] == OFF:
            return
        wanted = "paused" if note["was"] == "paused" else "running"
        try:
            done = self._take("start", wanted=wanted)
        except Refused as error:
            raise self._sent_back(note, "start", error) from error
        if not done["active"]:
            raise Refused(f"Guest {self.name} was started on {self.to}, and has ended there. Look at it there.")
        if done["changed"]:
            self._did("start")

    def _left(self, note: Values, guest: Values) -> None:
        self._give("forget")
        self._did("undefine")
        self._note({**note, "stage": GONE})
        if self._options["remove_copied"]:
            own = {part["path"] for part in guest["parts"] if part["writable"]}
            paths = [path for path in note["files"] if path in own]
            self._give("delete", paths=paths)
            self._did("delete", paths)

    # how it is done

    def _did(self, action: str, detail: Sequence[str] = ()) -> None:
        self.actions.append({"action": action, "target": self.name, "detail": list(detail)})

    def _note(self, note: Values) -> Values:
        self._give("note", note=note)
        return note

    def _give(self, call: str, *, looks: bool = False, **values: Any) -> Values:
        return self._ask("give", call, looks=looks, **values)

    def _take(self, call: str, *, looks: bool = False, **values: Any) -> Values:
        return self._ask("take", call, looks=looks, **values)

    def _ask(self, side: str, call: str, *, looks: bool, **values: Any) -> Values:
        way, uri = self._ways[side]
        found = way.ask({"uri": uri, "call": call, "looks": looks, "name": self.name, "run": self._run, **values})
        if "error" in found:
            error = found["error"]
            where = self.to if side == "take" else "the host that gives it away"
            words = " ".join(str(error[key]) for key in ("message", "hint") if error.get(key))
            raise Refused(f"{words} (said by {where})", str(error["type"]))
        return found


def _on_its_way(note: Optional[Values]) -> Values:
    """The note of a hand-over that has not ended, nothing for any other."""
    return note if note is not None and note["stage"] in (BEGUN, GIVEN) else {}


def _state_to_have(guest: Mapping[str, Any], note: Optional[Values]) -> str:
    """The state that a guest is to have afterwards: one that is off may have been shut down by an earlier run."""
    if not guest["active"]:
        return str(_on_its_way(note).get("was", OFF))
    return "paused" if guest["was"] == "paused" else "running"
