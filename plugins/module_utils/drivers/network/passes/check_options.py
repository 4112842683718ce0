# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is refused of the lines for a network's dnsmasq: what is not one line, and what takes dnsmasq away from us.

Everything else is dnsmasq's to judge when it starts. That includes dhcp-script, which dnsmasq runs as root: whoever
defines networks of the system is root already. What conf-file and conf-dir bring in is not looked at.

Source of the names: dnsmasq(8).
"""

from __future__ import annotations

import re

from ....errors import UnsupportedConfig, XmlError
from ....model.network.core import Network
from ....model.network.options import option_elements
from ....xml.views import View
from .texts import check_text

_RUNS = "how dnsmasq runs is watched over here"
_LEASES = "the addresses of guests are read from the file of leases that it is given here"
_USER = "it runs as the user whose right to its files was checked"
# What a line cannot begin with, and why.
BARRED = {
    "pid-file": "that file says here that dnsmasq is ready",
    "no-daemon": _RUNS,
    "keep-in-foreground": _RUNS,
    "dhcp-leasefile": _LEASES,
    "leasefile-ro": _LEASES,
    "user": _USER,
    "group": _USER,
}


def check_options(network: Network) -> None:
    """Raise XmlError or UnsupportedConfig for the first line that cannot be there."""
    for element in option_elements(network.element):
        option, value = View(element), element.get("value")
        if value is None:
            raise XmlError("a <dnsmasq:option> has no value.", line=option.line)
        try:
            check_text(option, "value", value)
        except XmlError:
            raise XmlError(
                f"the dnsmasq option '{value[:40]}' is not one line of a configuration file.", line=option.line
            ) from None
        _check_name(option, value)


def _check_name(option: View, value: str) -> None:
    name = option_name(value)
    if name in BARRED:
        raise UnsupportedConfig(
            f"the dnsmasq option {name} cannot be set: {BARRED[name]}.", line=option.line, hint="Leave it out."
        )


def option_name(line: str) -> str:
    """What stands before the ``=``; dnsmasq passes over blanks and quotes there."""
    return re.sub(r'[\s"]', "", line.partition("#")[0].partition("=")[0])
