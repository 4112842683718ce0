# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The entry of every module: arguments, interpreter, connection, result; the only place that ends in fail_json."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Callable, NoReturn, Optional

from ansible.module_utils.basic import AnsibleModule

from ..errors import CorralError
from ..host.local_import import compile_once
from .argspec import Spec, composed
from .failure import failure
from .hiding import hide_passwords, set_aside, set_list_aside
from .job import Job
from .listed import Many

if TYPE_CHECKING:
    from ..connect.connection import Connection

Work = Callable[[Job], "dict[str, Any]"]

# What the driver stack needs beside Python itself, and which interpreters of a host may have it.
LIBRARIES = ("lxml", "qemu.qmp")
INTERPRETERS = ("/usr/libexec/corral/python", "/opt/corral/bin/python", "/usr/bin/python3", "/usr/local/bin/python3")
# Ansible writes the arguments into a pipe before anybody reads it, and a pipe holds 64 KiB.
RESPAWN_BYTES = 48 * 1024


def run(work: Work, *parts: Spec, read_only: bool = False, many: Optional[Many] = None) -> None:
    """Run a module: ``parts`` are its arguments, ``work`` turns a Job into its result.

    The connection is opened once, read-only in check mode and with ``read_only``. At -vv, and where it could not be
    opened, the result says under ``connection`` how it came about. With ``many`` the module also takes a list, and
    ``work`` is done for each element of one.
    """
    compile_once()
    module = AnsibleModule(**composed(*(parts if many is None else many.beside(*parts))))
    several = None if many is None or module.params[many.option] is None else many
    hide_passwords(module, [module.params, *(module.params[several.option] if several else ())])
    _ensure_libraries(module)
    options = set_aside(module)
    if several is not None:
        set_list_aside(module, composed(*parts)["argument_spec"], several.option)
    from ..connect.open import open_connection

    connection = None
    try:
        if several is not None:
            work = _for_each(module, several, options, parts, work)
        connection = open_connection(module.params["uri"], read_only=read_only or module.check_mode)
        hide = module.no_log_values.add
        job = Job(connection, options, module.check_mode, module._diff, hide, lambda text: module.warn(_readable(text)))
        result = {"uri": connection.uri, **work(job)}
        if module._verbosity >= 2:
            result["connection"] = connection.explain()
    except CorralError as error:
        _fail(module, error, connection)
    finally:
        if connection is not None:
            connection.close()
    (module.fail_json if result.get("failed") else module.exit_json)(**_readable(result))


def _for_each(module: AnsibleModule, many: Many, options: dict[str, Any], parts: Iterable[Spec], work: Work) -> Work:
    """The work on all elements of the list, which are looked at here; raises InvalidArgument."""
    from ..host.local_processors import processors
    from .elements import reader
    from .many import converge_many, read_elements, workers

    parallel = workers(many, options, processors())
    elements = read_elements(many, options, reader(parts, module.no_log_values.update))
    return lambda job: converge_many(job, many, elements, work, parallel=parallel)


def _readable(value: Any) -> Any:
    """Return a value whose texts Ansible takes: names of files and what images say need not be UTF-8."""
    if isinstance(value, str):
        return value if _is_text(value) else value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Mapping):
        return {_readable(name): _readable(inner) for name, inner in value.items()}
    return [_readable(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _fail(module: AnsibleModule, error: CorralError, connection: Optional[Connection]) -> NoReturn:
    said = failure(error)
    walk = said["details"].pop("connection", None)
    said["uri"] = connection.uri if connection else module.params["uri"]
    if module._verbosity >= 2:
        said["connection"] = connection.explain() if connection else walk
    elif walk:
        said["connection"] = _in_short(walk)
    module.fail_json(**_readable(said))
    raise AssertionError("fail_json does not return")


def _in_short(walk: Mapping[str, Any]) -> dict[str, Any]:
    """What matters of a walk that failed: where the URI came from, and the drivers that did not take it."""
    refused = {
        kind: [row for row in rows if row["answer"] != "success"] for kind, rows in walk.get("tables", {}).items()
    }
    tables = {kind: rows for kind, rows in refused.items() if rows}
    return {name: value for name, value in {**walk, "tables": tables}.items() if value}


def _ensure_libraries(module: AnsibleModule) -> None:
    """Go on under an interpreter that has the libraries, where this one lacks them.

    Without qemu.qmp only a running QEMU cannot be spoken to, so that is left to the driver to say.
    """
    missing = [name for name in LIBRARIES if not _importable(name)]
    if not missing:
        return
    from ansible.module_utils.common.respawn import has_respawned, probe_interpreters_for_module, respawn_module

    fits = not has_respawned() and _respawnable(module)
    found = probe_interpreters_for_module(INTERPRETERS, ", ".join(LIBRARIES)) if fits else None
    if found:
        respawn_module(found)
    if "lxml" in missing:
        module.fail_json(msg=_advice(missing, fits), error="MissingLibrary")


def _respawnable(module: AnsibleModule) -> bool:
    return len(repr(json.dumps(module.params, default=str))) < RESPAWN_BYTES


def _importable(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


def _advice(missing: list[str], looked: bool) -> str:
    import sys

    tried = "" if looked else " The arguments are too long to hand them to another interpreter."
    return (
        f"The Python libraries {' and '.join(missing)} are missing for {sys.executable}.{tried} Install them there"
        " (Debian, Ubuntu and Fedora: python3-lxml; pip: lxml, qemu.qmp), or set ansible_python_interpreter for this"
        " host to a Python that has them."
    )
