# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables of the role host: whole for each family, and one with the collection's own paths, names and defaults."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

from ansible_collections.corral.virt.plugins.module_utils.converge import entry, runtime
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest.site import RUNNERS
from ansible_collections.corral.virt.plugins.module_utils.drivers.units import TOLD
from ansible_collections.corral.virt.plugins.module_utils.host.layout import Layout

ROLE = Path(__file__).resolve().parents[2] / "roles/host"
# os_family, distribution, major version, interpreter
SYSTEMS = {
    "Debian 12": ("Debian", "Debian", "12", "/usr/bin/python3"),
    "Debian 13": ("Debian", "Debian", "13", "/usr/bin/python3"),
    "Debian testing": ("Debian", "Debian", "testing/unstable", "/usr/bin/python3"),
    "Ubuntu 22.04": ("Debian", "Ubuntu", "22", "/usr/bin/python3"),
    "Ubuntu 24.04": ("Debian", "Ubuntu", "24", "/usr/bin/python3"),
    "Fedora": ("RedHat", "Fedora", "43", "/usr/bin/python3"),
    "Rocky 9": ("RedHat", "Rocky", "9", "/usr/bin/python3"),
    "Tumbleweed": ("Suse", "openSUSE Tumbleweed", "20260101", "/usr/bin/python3"),
    "Leap 15": ("Suse", "openSUSE Leap", "15", "/usr/bin/python3.11"),
    "Arch": ("Archlinux", "Archlinux", "NA", "/usr/bin/python3"),
}
ARCHITECTURES = ("x86_64", "aarch64")


@cache
def read(path: str) -> Any:
    return yaml.safe_load((ROLE / path).read_text(encoding="utf-8"))


def options() -> dict[str, Any]:
    found: dict[str, Any] = read("meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    return found


def templated(value: Any) -> Any:
    """A value whose texts Ansible takes for templates, as those of a file of variables."""
    if isinstance(value, dict):
        return {name: templated(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [templated(inner) for inner in value]
    return trust_as_template(value) if isinstance(value, str) else value


def evaluated(system: str, name: str, architecture: str = "x86_64", **given: Any) -> Any:
    """A variable of the role on a system, as a task would see it."""
    family, distribution, release, python = SYSTEMS[system]
    facts = {
        "os_family": family,
        "distribution": distribution,
        "distribution_major_version": release,
        "distribution_version": release,
        "architecture": architecture,
        "service_mgr": "systemd",
    }
    files = ("defaults/main.yml", "vars/main.yml", f"vars/{family.lower()}.yml")
    variables: dict[str, Any] = {}
    for path in files:
        variables.update(templated(read(path)))
    variables.update({"ansible_facts": facts, "host_python": python, **given})
    return Templar(loader=DataLoader(), variables=variables).template(variables[name])


def queried(*lines: str) -> dict[str, Any]:
    return {"stdout_lines": list(lines), "rc": 1}


def test_every_variable_is_described_and_has_the_default_that_it_says() -> None:
    defaults = read("defaults/main.yml")
    said = {name: option.get("default", "") for name, option in options().items()}
    assert said == defaults
    for name, option in options().items():
        assert option["description"], name
        assert f"`{name}`" in (ROLE / "README.md").read_text(encoding="utf-8"), name


def test_every_family_has_every_table() -> None:
    names = ("base_packages", "emulator_packages", "firmware_packages", "feature_packages", "query", "missing")
    for family in read("vars/main.yml")["host_families"]:
        table = read(f"vars/{family.lower()}.yml")
        assert {f"host_{name}" for name in names} <= set(table), family
        features = set(options()["host_features"]["choices"]) - {"uefi"}
        assert set(table["host_feature_packages"]) <= features, family
        assert set(options()["host_features"]["default"]) - {"uefi"} <= set(table["host_feature_packages"]), family
        assert set(table["host_emulator_packages"]) == set(options()["host_emulators"]["choices"]), family


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("system", SYSTEMS)
def test_what_a_system_gets(system: str, architecture: str) -> None:
    wanted = evaluated(system, "host_wanted", architecture)
    assert len(wanted) == len(set(wanted))
    assert all(isinstance(name, str) and name and " " not in name for name in wanted), wanted
    for part in ("qemu", "nft", "dnsmasq", "iproute", "lxml", "swtpm", "lvm2", "parted"):
        assert any(part in name for name in wanted), part
    assert any("ovmf" in name or "efi" in name or "edk2" in name for name in wanted)


def test_what_a_system_gets_goes_by_its_release() -> None:
    assert "python3-venv" in evaluated("Debian 12", "host_wanted")
    assert "virtiofsd" not in evaluated("Debian 12", "host_wanted")
    assert "virtiofsd" in evaluated("Debian 13", "host_wanted")
    assert "python3-qemu-qmp" in evaluated("Debian testing", "host_wanted")
    assert "python3-qemu-qmp" not in evaluated("Ubuntu 24.04", "host_wanted")
    assert "qemu-system-x86" in evaluated("Fedora", "host_wanted")
    assert "qemu-kvm" in evaluated("Rocky 9", "host_wanted")
    assert "python311-lxml" in evaluated("Leap 15", "host_wanted")


def test_features_emulators_and_lists_of_ones_own() -> None:
    few = evaluated("Debian 12", "host_wanted", host_features=["nfs"], host_unwanted_packages=["zstd"])
    assert "nfs-common" in few
    assert not {"ovmf", "swtpm", "lvm2", "zstd"} & set(few)
    both = evaluated("Debian 12", "host_wanted", host_emulators=["x86_64", "aarch64"], host_extra_packages=["htop"])
    assert {"qemu-system-x86", "qemu-system-arm", "ovmf", "qemu-efi-aarch64", "htop"} <= set(both)


def test_what_is_missing() -> None:
    some = {"host_wanted": ["zstd", "lvm2", "kmod"]}
    dpkg = queried("installed zstd", "config-files lvm2")
    assert evaluated("Debian 12", "host_missing", host_queried=dpkg, **some) == ["kmod", "lvm2"]
    rpm = queried("zstd-1.5-1.x86_64", "no package provides lvm2", "kmod-30-1.x86_64")
    for system in ("Fedora", "Tumbleweed"):
        assert evaluated(system, "host_missing", host_queried=rpm, **some) == ["lvm2"]
    assert evaluated("Arch", "host_missing", host_queried=queried("lvm2", "kmod"), **some) == ["lvm2", "kmod"]


def test_paths_and_names_are_those_of_the_modules() -> None:
    layout, table = Layout.system(), read("vars/main.yml")
    modes = {path: f"{mode:04o}" for path, mode in layout.directories()}
    assert table["host_directories"].items() <= modes.items()
    assert evaluated("Debian 12", "host_interpreter") == entry.INTERPRETERS[0]
    assert table["host_user"] == RUNNERS[0]
    assert table["host_units_directory"] == layout.systemd
    units = [path.read_text(encoding="utf-8") for path in (ROLE / "files").glob("corral*.service")]
    assert units
    assert all(runtime.LAUNCH in text for text in units)
    kept = {path.rpartition("/")[2] for path in (layout.images, layout.nvram_dir, layout.tpm_dir, layout.secrets_dir)}
    kept.add(layout.saves_dir.rpartition("/")[2])
    assert set(read("defaults/main.yml")["host_keep"]) == kept


def test_every_unit_is_found_when_it_is_to_go() -> None:
    patterns = read("vars/main.yml")["host_unit_patterns"]
    for path in (ROLE / "files").glob("corral*"):
        assert any(path.match(pattern) for pattern in patterns), path.name
    assert any(Path(TOLD).match(pattern) for pattern in patterns)
    assert read("vars/main.yml")["host_units_told"].rpartition("/")[2] == TOLD
    for name in read("vars/main.yml")["host_own_units"]:
        assert "[Install]" in (ROLE / "files" / name).read_text(encoding="utf-8")


def test_only_what_is_ours_is_taken_away() -> None:
    """A pool that somebody has made in our directory of states is somebody's data."""
    layout = Layout.system()
    below = {path.split("/")[4] for path, _mode in layout.directories() if path.startswith(f"{layout.state}/")}
    below.add(layout.volumes_dir.rpartition("/")[2])
    assert set(read("vars/main.yml")["host_state_names"]) == below | {"drained.json"}


def test_texts_where_a_list_or_a_mapping_is_meant_are_all_looked_at() -> None:
    options = read("meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    by_type = {kind: {name for name, row in options.items() if row["type"] == kind} for kind in ("list", "dict")}
    found = read("vars/main.yml")
    assert (set(found["host_lists"]), set(found["host_mappings"])) == (by_type["list"], by_type["dict"])


def test_units_that_go_without_a_guest_are_ours_alone() -> None:
    """A mask, a drop-in of somebody's own and what else is wanted by our target stay, and so do their directories."""
    units, wants, drop = "/etc/systemd/system", "corral.target.wants", "corral-vm@.service.d"

    def there(*names: str, link: bool = False, directory: bool = False) -> list[dict[str, Any]]:
        return [{"path": f"{units}/{name}", "islnk": link, "isdir": directory} for name in names]

    def gone(found: list[dict[str, Any]], **inside: list[dict[str, Any]]) -> list[str]:
        names = {"wants": wants, "drop": drop}
        looked = [{"item": f"{units}/{names[name]}", "files": files} for name, files in inside.items()]
        given = {"host_units_found": {"files": found}, "host_units_inside": {"results": looked}}
        files = [str(path) for path in (ROLE / "files").glob("corral*")]
        found_gone = evaluated("Debian 12", "host_units_gone", host_unit_files=files, **given)
        return [str(path).removeprefix(f"{units}/") for path in found_gone]

    own = there("corral-vm@one.service.d", directory=True) + there(
        "corral-vm@never.service", "corral.target", link=True
    )
    links = there(f"{wants}/corral-vm@a.service", f"{wants}/corral-pool@b.service", link=True)
    assert gone(own) == []
    told = there("corral.target.told")
    assert gone([*there("corral-vm@.service"), *told]) == ["corral.target.told", "corral-vm@.service"]
    assert gone([*own, *there("corral-vm@.service")]) == ["corral-vm@.service"]
    assert gone([], wants=links, drop=there(f"{drop}/50-host.conf")) == [
        f"{wants}/corral-pool@b.service",
        f"{wants}/corral-vm@a.service",
        wants,
        f"{drop}/50-host.conf",
        drop,
    ]
    more = [*links, *there(f"{wants}/backup.service", link=True)]
    assert gone([], wants=more, drop=there(f"{drop}/60-own.conf"))[-1] == f"{wants}/corral-vm@a.service"
    assert gone([], wants=[]) == [wants]
