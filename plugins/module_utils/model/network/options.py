# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a document says to dnsmasq directly, in libvirt's namespace for that.

Source of the rules: libvirt's formatnetwork, "Network namespaces".
"""

from __future__ import annotations

from typing import List

from ...xml.parse import Element

NAMESPACE = "http://libvirt.org/schemas/network/dnsmasq/1.0"
OPTIONS = f"{{{NAMESPACE}}}options"
OPTION = f"{{{NAMESPACE}}}option"


def option_elements(network: Element) -> List[Element]:
    """The elements that hold a line of dnsmasq's configuration each, in order."""
    return network.findall(f"{OPTIONS}/{OPTION}")


def extra_options(network: Element) -> List[str]:
    """The lines themselves."""
    return [found.get("value", "") for found in option_elements(network)]
