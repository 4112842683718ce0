# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which names are slips of the roles' own, and which are somebody's own names."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from ansible.errors import AnsibleError
from ansible.plugins.loader import lookup_loader

from ansible_collections.corral.virt.plugins.plugin_utils.mistyped import mistyped, nearest, slips

ROOT = Path(__file__).resolve().parents[3]
SPECS = {role: ROOT / f"roles/{role}/meta/argument_specs.yml" for role in ("host", "site")}
SLIPS = {
    "site_netwroks": "site_networks",
    "site_guest": "site_guests",
    "site_network": "site_networks",
    "site_Guests": "site_guests",
    "site_guests_stat": "site_guests_state",
    "site_purge_kepp": "site_purge_keep",
    "site_pruge": "site_purge",
    "site_secrets_privat": "site_secrets_private",
    "host_unit": "host_units",
    "host_featuers": "host_features",
    "host_shutdown_timout": "host_shutdown_timeout",
    "host_pyhton": "host_python",
}
OWN = (
    "site_name site_location site_url site_id site_guests_2 site_networks_1 site_hosts site_become site_apply_to"
    " host_location host_id host_ip host_name host_pid host_url host_key host_user host_env"
    " host_role host_units_2 other_guest"
).split()


@cache
def known(role: str) -> list[str]:
    """The role's variables."""
    return re.findall(rf"^      ({role}_\w+):$", SPECS[role].read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize(("name", "meant"), SLIPS.items())
def test_slips_are_told(name: str, meant: str) -> None:
    found = list(mistyped({name: 1, meant: 2}, known(name[:4])))
    assert found == [f"{name} is no variable of this role; did you mean {meant}?"]


@pytest.mark.parametrize("name", OWN)
def test_own_names_are_left_alone(name: str) -> None:
    assert not list(mistyped({name: 1}, known(name[:4] if name[:4] in SPECS else "site")))


@pytest.mark.parametrize("role", SPECS)
def test_no_name_of_the_collection_itself_looks_like_a_slip(role: str) -> None:
    """Variables that a role or a playbook sets are there when the role is run a second time in a play."""
    files = [*ROOT.glob("roles/*/*/*.yml"), *ROOT.glob("playbooks/**/*.yml")]
    words = {word for path in files for word in re.findall(r"\b[a-z]+_[a-z_]+\b", path.read_text(encoding="utf-8"))}
    # examples in the descriptions of the roles
    words -= set(SLIPS)
    assert len([word for word in words if word.startswith(role)]) > len(known(role))
    assert list(mistyped(dict.fromkeys(words), known(role))) == []


def test_what_is_in_use_and_what_is_named_as_ones_own_is_no_slip() -> None:
    lan = {"site_network": {"name": "lan"}}
    assert list(mistyped(lan, known("site")))
    assert not list(mistyped({**lan, "site_networks": ["{{ site_network }}"]}, known("site")))
    assert list(mistyped({**lan, "site_networks": ["{{ site_networker }}"]}, known("site")))
    assert not list(mistyped(lan, known("site"), ["site_network"]))


def test_the_nearest_is_meant() -> None:
    assert nearest("guests_stat", ["guests_state", "guests", "pools_state"]) == "guests_state"
    assert nearest("uro", ["uri"]) is None
    assert nearest("", ["uri", "guests"]) is None


@pytest.mark.parametrize(
    ("word", "meant", "count"),
    [
        ("guests", "guests", 0),
        ("geusts", "guests", 1),
        ("gusts", "guests", 1),
        ("guestss", "guests", 1),
        ("guesss", "guests", 1),
        ("geustss", "guests", 2),
        ("", "ab", 2),
        ("ab", "", 2),
        ("abcdef", "uvwxyz", 3),
    ],
)
def test_slips_are_counted(word: str, meant: str, count: int) -> None:
    assert slips(word, meant, 2) == count


def test_the_lookup_reads_the_description_of_a_role(tmp_path: Path) -> None:
    lookup = lookup_loader.get("corral.virt.mistyped")
    variables = {"site_guest": [], "host_unit": False, "host_kepp": []}
    found = lookup.run([str(SPECS["host"]), str(SPECS["site"])], variables, own=["host_kepp"])
    assert [said.partition(" ")[0] for said in found] == ["host_unit", "site_guest"]
    other = tmp_path / "argument_specs.yml"
    for text in ("argument_specs: {}", "- a", "{"):
        other.write_text(text)
        with pytest.raises(AnsibleError, match="describes no role"):
            lookup.run([str(other)], variables)
