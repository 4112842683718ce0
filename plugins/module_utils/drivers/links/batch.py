# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes of the host's links: lines for ``ip``, ``bridge`` and ``tc``, and the one place that runs them.

A change is a value: the lines that each program reads with ``-batch -``, so that it costs one process a program however
many links it concerns. ``ip`` runs first, then ``bridge``, then ``tc``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Optional, Tuple

from ...errors import CorralError, HostError, InvalidArgument, MissingProgram, UnsupportedConfig
from ...host.api import Completed, Host

# IFNAMSIZ of linux/if.h is 16 with the NUL at the end.
_NAME_BYTES = 15
# What these programs take for a blank, a quote, an escape, a comment, or an option in a name; nft has wildcards too.
_NOT_IN_A_NAME = re.compile(r"""[\s/:"'\\#*{};,$%@!<>|&()\[\]`^~?+=]|[^\x21-\x7e]""")
_WORD = re.compile(r"-?[A-Za-z0-9_.:/+][A-Za-z0-9_.:/+-]*")

_PACKAGES = {
    "ip": "Install the package iproute2 (iproute on Fedora and its kin).",
    "bridge": "Install the package iproute2 (iproute on Fedora and its kin).",
    "tc": "Install the package iproute2 (iproute-tc on Fedora and its kin).",
}

# What the kernel may be built without: in which lines it is asked for, and what it is.
_FEATURES = (
    (r"\bpolice\b", "a limit on what comes out of a link (act_police and cls_u32)"),
    (r"\bingress\b", "a limit on what comes out of a link (sch_ingress)"),
    (r"^filter\b", "filters of traffic (cls_u32)"),
    (r"\bhtb\b", "a limit on what goes into a link (sch_htb)"),
    (r"\bvlan_filtering\b|^vlan\b", "VLANs on bridges (CONFIG_BRIDGE_VLAN_FILTERING)"),
    (r"\btype macvtap\b", "macvtap devices (macvtap)"),
    (r"\bisolated\b", "isolated ports of bridges (Linux 4.18)"),
    (r"\btype bridge\b", "bridges (bridge)"),
)
_REFUSED = re.compile(
    r"not supported|is unknown|unknown device type|classifier not found|failed to load tc|unknown qdisc", re.IGNORECASE
)


@dataclass(frozen=True)
class Batch:
    """What each program is to do, line by line."""

    ip: Tuple[str, ...] = ()
    bridge: Tuple[str, ...] = ()
    tc: Tuple[str, ...] = ()

    def __add__(self, other: Batch) -> Batch:
        """Return both, one after the other."""
        return Batch(self.ip + other.ip, self.bridge + other.bridge, self.tc + other.tc)

    def __bool__(self) -> bool:
        """Return whether there is anything to do."""
        return bool(self.ip or self.bridge or self.tc)


def check_link_name(name: str) -> str:
    """Return the name when a link can be called so and every program takes it for one word; raises InvalidArgument."""
    broken = not name or len(name.encode("utf-8", "replace")) > _NAME_BYTES or _NOT_IN_A_NAME.search(name)
    if broken or name.startswith("-") or name in (".", "..", "all", "default"):
        raise InvalidArgument(
            f"{name[:40]!r} cannot be the name of a network device.",
            hint=f"It has 1 to {_NAME_BYTES} letters, digits, dots, dashes and underscores, and no dash in front.",
        )
    return name


def line(*words: object) -> str:
    """Return one line of a batch; raises InvalidArgument for a word that would not be read as one."""
    texts = [str(word) for word in words]
    for text in texts:
        if not _WORD.fullmatch(text):
            raise InvalidArgument(f"{text[:60]!r} is no word that ip, bridge or tc could be given.")
    return " ".join(texts)


def apply(host: Host, batch: Batch) -> None:
    """Do it all, up to the first line that fails.

    Raises UnsupportedConfig when the kernel lacks what a line needs, HostError that names the line, MissingProgram.
    """
    for program, lines in (("ip", batch.ip), ("bridge", batch.bridge), ("tc", batch.tc)):
        if lines:
            done = _run(host, (program, "-batch", "-"), lines)
            if done.code:
                raise _failure(program, lines, done.stderr.decode("utf-8", "replace"))


def attempt(host: Host, batch: Batch) -> None:
    """Do every line that can be done, and say nothing of the others: for taking away what may not be there."""
    for program, lines in (("ip", batch.ip), ("bridge", batch.bridge), ("tc", batch.tc)):
        if lines:
            _run(host, (program, "-force", "-batch", "-"), lines)


def _run(host: Host, argv: Tuple[str, ...], lines: Tuple[str, ...]) -> Completed:
    try:
        return host.run(argv, stdin="".join(f"{each}\n" for each in lines).encode("utf-8"), check=False)
    except MissingProgram:
        raise MissingProgram(argv[0], hint=_PACKAGES[argv[0]]) from None


def _failure(program: str, lines: Tuple[str, ...], said: str) -> CorralError:
    """Return the error for a batch that stopped: iproute2 ends with ``Command failed -:NUMBER``."""
    match = re.search(r"^Command failed -:([0-9]+)", said, re.MULTILINE)
    number = int(match.group(1)) if match else 0
    failed = lines[number - 1] if 0 < number <= len(lines) else "; ".join(lines)
    reason = _reason(said)
    lacking = _lacking(failed) if _REFUSED.search(reason) else None
    if lacking:
        return UnsupportedConfig(
            f"The kernel of this host lacks {lacking}: {program} refused '{failed}'.",
            hint="Load or install the module that has it, or leave this setting out.",
        )
    return HostError(f"{program} refused '{failed}': {reason}.", program=program, refused=failed)


def _reason(said: str) -> str:
    """Return the first thing that the program said about it, without its preamble."""
    told = [each.strip() for each in said.splitlines() if each.strip() and not each.startswith("Command failed")]
    return re.sub(r"^(Error|RTNETLINK answers): ", "", told[0]).rstrip(".") if told else "it said nothing"


def _lacking(failed: str) -> Optional[str]:
    return next((what for pattern, what in _FEATURES if re.search(pattern, failed)), None)
