# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a guest reads at its first boot: the data of cloud-init, or Ignition's configuration.

Everything is checked as far as it can be without a YAML parser, which a bare host does not have; texts in YAML are
parsed by the action of vm, where the playbook runs. What is written as a mapping becomes JSON, which is YAML too.
No message repeats any of the content. Source of the rules: cloud-init's documentation, "NoCloud" and "User data
formats", and Ignition's configuration specification.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Callable, Optional

from ...drivers.api import Seed
from ...errors import InvalidArgument
from ...model.domain.seed import CLOUD_INIT, IGNITION
from ...xml.parse import Element
from .write import Builder, Options

# option -> the file of the volume; the first two have to be there
FILES = {
    "user_data": "user-data",
    "meta_data": "meta-data",
    "network_config": "network-config",
    "vendor_data": "vendor-data",
}
REQUIRED = ("user-data", "meta-data")
HEADER = "#cloud-config"
# How the first line of other user data begins.
HEADERS = (
    *(HEADER, "#!", "#include", "#cloud-boothook", "#part-handler", "## template:"),
    *("Content-Type:", "MIME-Version:"),
)
LARGEST = 8 << 20  # bytes
# What JSON leaves as it is, and YAML does not allow or takes for the end of a line.
UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


def wanted_seed(options: Options) -> Optional[Seed]:
    """Return what the options want the guest to read; raises InvalidArgument for what it could not make use of."""
    cloud, ignition = options.get("cloud_init"), options.get("ignition")
    if cloud is not None and ignition is not None:
        raise InvalidArgument("cloud_init and ignition contradict each other; a guest reads one of them.")
    if cloud is None and ignition is None:
        return None
    what, kind = ("ignition", IGNITION) if cloud is None else ("cloud_init", CLOUD_INIT)
    files = {"config": _ignition(ignition)} if cloud is None else _cloud_init(cloud)
    if sum(len(text.encode()) for text in files.values()) > LARGEST:
        raise InvalidArgument(
            f"{what}: it takes more than {LARGEST >> 20} MiB.", hint="Let the guest fetch a part of it."
        )
    return Seed(kind, files)


def check_seed(domain: Element, options: Options) -> None:
    """Write nothing: where a seed lies, and what it is known by, only the driver can say."""
    wanted_seed(options)


def _cloud_init(cloud: Mapping[str, Any]) -> dict[str, str]:
    files = dict.fromkeys(REQUIRED, "")
    for name, file in FILES.items():
        if cloud.get(name) is not None:
            files[file] = WRITERS[name](cloud[name], f"cloud_init.{name}")
    return files


def _user_data(value: Any, what: str) -> str:
    if isinstance(value, Mapping):
        return f"{HEADER}\n{_json(value, what)}"
    text = _text(value, what)
    if text and not text.startswith(HEADERS):
        raise InvalidArgument(
            f"{what}: its first line does not say what it is, so cloud-init would not read it.",
            hint=f"Begin it with {HEADER}, or with #! for a script; or write a mapping.",
        )
    return text


def _meta_data(value: Any, what: str) -> str:
    if isinstance(value, Mapping):
        return _json(value, what)
    text = _text(value, what)
    if text.lstrip().startswith("{"):
        _parsed(text, what)
    return text if not text or text.endswith("\n") else f"{text}\n"


def _network_config(value: Any, what: str) -> str:
    if not isinstance(value, Mapping):
        return _text(value, what)
    inner = value.get("network", value)
    if not isinstance(inner, Mapping) or "version" not in inner:
        raise InvalidArgument(f"{what}: it has no version; write version: 2, and ethernets below.")
    if inner["version"] not in (1, 2):
        raise InvalidArgument(f"{what}: its version is neither 1 nor 2; write version: 2, and ethernets below.")
    return _json(value, what)


def _ignition(value: Any) -> str:
    given = value if isinstance(value, Mapping) else _parsed(_text(value, "ignition"), "ignition")
    about = given.get("ignition")
    version = about.get("version") if isinstance(about, Mapping) else None
    if not isinstance(version, str) or not re.fullmatch(r"[23]\.\d+\.\d+(-[a-z]+)?", version):
        raise InvalidArgument(
            "ignition: it does not say its version in ignition.version, such as 3.4.0.",
            hint="Butane's YAML has to be translated first (butane --strict).",
        )
    return _json(value, "ignition") if isinstance(value, Mapping) else str(value)


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise InvalidArgument(f"{what}: it is neither a text nor a mapping.")
    if "\0" in value or any(0xD800 <= ord(char) < 0xE000 for char in value):
        raise InvalidArgument(f"{what}: it is no text, as it holds bytes that are no UTF-8, or a zero.")
    return value


def _parsed(text: str, what: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InvalidArgument(f"{what}: it is no JSON with a mapping at its top.") from None
    return found


def _json(value: Mapping[str, Any], what: str) -> str:
    """Text that is JSON and YAML at once."""
    try:
        text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        raise InvalidArgument(f"{what}: it holds a value that cannot be written, such as .nan.") from None
    return UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n"


WRITERS: Mapping[str, Callable[[Any, str], str]] = {
    "user_data": _user_data,
    "meta_data": _meta_data,
    "network_config": _network_config,
    "vendor_data": _user_data,
}
BUILDERS: tuple[Builder, ...] = (check_seed,)
