# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What QEMU chose at its start, written into the live document: terminals and ports."""

from __future__ import annotations

from typing import Any, Dict

from ....host.api import Monitor
from ....model.domain.core import Domain
from ....xml.parse import Element, add


def learn_runtime(domain: Domain, monitor: Monitor) -> None:
    """Ask for the pseudo terminals and the ports of screens, where the document has any."""
    if domain.element.xpath("devices/*[@type='pty']"):
        _learn_terminals(domain, monitor)
    for graphics in domain.element.findall("devices/graphics"):
        if graphics.get("type") == "vnc" and graphics.get("autoport", "yes") != "no":
            _learn_vnc(graphics, monitor)
        if graphics.get("type") == "spice" and graphics.get("autoport") == "yes":
            _learn_spice(graphics, monitor)


def _learn_terminals(domain: Domain, monitor: Monitor) -> None:
    names: Dict[str, str] = {row["label"]: row["filename"] for row in monitor.execute("query-chardev")}
    for element in domain.element.xpath("devices/*[@type='pty']"):
        alias = element.find("alias")
        found = names.get(f"char{alias.get('name')}", "") if alias is not None else ""
        if found.startswith("pty:"):
            source = element.find("source")
            (add(element, "source") if source is None else source).set("path", found[4:])


def _learn_vnc(graphics: Element, monitor: Monitor) -> None:
    answer: Dict[str, Any] = monitor.execute("query-vnc")
    if answer.get("enabled") and str(answer.get("service", "")).isdigit():
        graphics.set("port", str(answer["service"]))


def _learn_spice(graphics: Element, monitor: Monitor) -> None:
    answer: Dict[str, Any] = monitor.execute("query-spice")
    for name, key in (("port", "port"), ("tlsPort", "tls-port")):
        if answer.get("enabled") and answer.get(key):
            graphics.set(name, str(answer[key]))
