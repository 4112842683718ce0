# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Opening a connection: from a name, or from nothing, to drivers in their slots, as libvirt's do_open walks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ..drivers.api import Declined, Driver, Request, Success
from ..errors import CorralError, NoConnection, UriError
from ..host.api import Host
from ..values import Uri
from .advice import advise
from .config import ALIAS, load_config
from .connection import Connection
from .tables import TABLES, Row
from .uri import EXAMPLES, format_uri, parse_uri

PROBED_IN_VAIN = "Mend what is missing, or write test:///default to try things without a hypervisor."

Tables = Mapping[str, Tuple[Row, ...]]


@dataclass(frozen=True)
class Choice:
    """Which URI is opened and where it comes from; ``text`` is None when drivers are probed for."""

    text: Optional[str]
    source: str
    alias: Optional[str] = None
    config: Optional[str] = None


@dataclass
class Trace:
    """What happened so far, for ``explain`` and for the details of an error."""

    choice: Choice
    tables: Dict[str, List[Dict[str, str]]] = field(default_factory=dict)

    def note(self, kind: str, driver: str, answer: str, reason: str = "") -> None:
        row = {"driver": driver, "answer": answer}
        self.tables.setdefault(kind, []).append({**row, "reason": reason} if reason else row)

    def as_dict(self) -> Dict[str, Any]:
        choice = self.choice
        return {
            "requested": choice.alias or choice.text,
            "source": choice.source,
            "alias": choice.alias,
            "config": choice.config,
            "tables": self.tables,
        }


def open_connection(
    name: Optional[str] = None,
    *,
    read_only: bool = False,
    auth: Optional[Mapping[str, str]] = None,
    host: Optional[Host] = None,
    tables: Optional[Tables] = None,
) -> Connection:
    """Open a URI or an alias; without a name the environment, the configuration file and probing decide.

    Raises UriError for a URI that does not parse, NoConnection when every driver declined, and what a driver itself
    raises. The error's details then hold the walk so far under ``connection``.
    """
    machine = host or _local_host()
    choice = choose(name, machine)
    trace = Trace(choice)
    try:
        uri = _parsed(choice)
        request = Request(uri=uri, host=machine, read_only=read_only, auth=auth)
        drivers, settled = _fill(TABLES if tables is None else tables, request, trace)
    except CorralError as error:
        error.details.setdefault("connection", trace.as_dict())
        raise
    connection = Connection(format_uri(settled), drivers, read_only=read_only, explanation=trace.as_dict())
    for driver in drivers.values():
        driver.meet(connection)
    for driver in () if read_only else drivers.values():
        driver.settle()
    return connection


def _local_host() -> Host:
    from ..host.local import LocalHost

    return LocalHost()


def choose(name: Optional[str], host: Host) -> Choice:
    """Return the URI to open: the name, LIBVIRT_DEFAULT_URI, uri_default or none, with its alias expanded.

    The configuration file is read only where it can matter, so that a full URI works whatever the file holds.
    Raises UriError for a name that is neither a URI nor an alias, InvalidArgument for a bad configuration file.
    """
    if name:
        return _expanded(Choice(name, "argument"), host)
    default = host.env("LIBVIRT_DEFAULT_URI")
    if default:
        return _expanded(Choice(default, "environment"), host)
    config = load_config(host)
    if config.uri_default:
        return _expanded(Choice(config.uri_default, "config", config=config.path), host)
    return Choice(None, "probe", config=config.path)


def _expanded(choice: Choice, host: Host) -> Choice:
    text = choice.text or ""
    if not ALIAS.fullmatch(text):
        return choice
    config = load_config(host)
    uri = config.alias(text)
    if uri is None:
        raise UriError(
            f"{_told(choice)}{text!r} is neither a URI nor an alias in {config.path}; write one such as {EXAMPLES}."
        )
    return Choice(uri, choice.source, alias=text, config=config.path)


def _parsed(choice: Choice) -> Optional[Uri]:
    if choice.text is None:
        return None
    try:
        return parse_uri(choice.text)
    except UriError as error:
        raise UriError(_told(choice) + error.message, hint=error.hint, **error.details) from None


def _told(choice: Choice) -> str:
    """Where a URI comes from that the user did not give just now: the error would be a riddle without it."""
    return {"environment": "LIBVIRT_DEFAULT_URI: ", "config": f"uri_default in {choice.config}: "}.get(
        choice.source, ""
    )


def _fill(tables: Tables, request: Request, trace: Trace) -> Tuple[Dict[str, Driver], Uri]:
    """Walk every table; returns the drivers by kind and the URI that the hypervisor driver settled on."""
    rows = tables["hypervisor"]
    first = _walk("hypervisor", rows, request, trace)
    if first is None:
        raise _nobody(request.uri, rows, trace.tables.get("hypervisor", []))
    uri = first.uri or request.uri
    if uri is None:
        raise AssertionError(f"the {first.driver.name} driver was probed for and did not say which URI it opened")
    drivers: Dict[str, Driver] = {"hypervisor": first.driver}
    further = Request(uri, request.host, request.read_only, request.auth, hypervisor=first.driver)
    for kind in tables:
        if kind != "hypervisor":
            success = _walk(kind, tables[kind], further, trace)
            if success is not None:
                drivers[kind] = success.driver
    return drivers, uri


def _walk(kind: str, rows: Sequence[Row], request: Request, trace: Trace) -> Optional[Success]:
    """Ask the drivers of one table in order; None when all declined. A driver's error ends the walk."""
    trace.tables.setdefault(kind, [])
    for row in rows:
        try:
            answer = row.open(request)
        except CorralError as error:
            trace.note(kind, row.name, "error", error.message)
            raise
        if isinstance(answer, Declined):
            trace.note(kind, row.name, "declined", answer.reason)
        else:
            trace.note(kind, row.name, "success")
            return answer
    return None


def _nobody(uri: Optional[Uri], rows: Sequence[Row], answers: Sequence[Mapping[str, str]]) -> NoConnection:
    what = "was found that can run here" if uri is None else f"takes {format_uri(uri)}"
    said = "; ".join(f"{answer['driver']} declined: {answer['reason'].rstrip('.')}" for answer in answers)
    hint = PROBED_IN_VAIN if uri is None else advise(uri, rows)
    return NoConnection(f"No driver {what} ({said}).", hint=hint)
