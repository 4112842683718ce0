# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asking hosts while the inventory is read: whose options count."""

from __future__ import annotations

import pytest
from ansible import context
from ansible.playbook.play import Play
from ansible.utils.context_objects import CLIArgs

from ansible_collections.corral.virt.plugins.plugin_utils import asking


def test_options_of_the_command_line_for_the_guests_do_not_count_for_their_hosts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = {"become": True, "become_user": "nobody", "become_method": "su", "check": True, "remote_user": "admin"}
    monkeypatch.setattr(context, "CLIARGS", CLIArgs({**given, "tags": ("web",), "subset": "web1"}))
    with asking._arguments(asking.NOT_OURS):
        play = Play().load({"name": "x", "hosts": ["h"], "gather_facts": False, "tasks": []})
        assert (bool(play.become), play.become_user, play.become_method) == (False, None, "sudo")
        assert play.remote_user == "admin"
        assert not context.CLIARGS["check"] and context.CLIARGS["tags"] == ("all",)
        assert context.CLIARGS["connection"] == "ssh"
    assert context.CLIARGS["become_user"] == "nobody"
