# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters that know connections, count them, or answer what they reject: below a kernel that can do that for bridges.

The rules are made here; a guest with the distribution's kernel takes them and sends the frames, in one run for all.
libvirt's own filters are among them where there is a source tree of it (CORRAL_LIBVIRT_SOURCE, or beside the checkout).
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.corral.virt.tests.filters.apply import MAC, OTHER, Driver, Recorder, tree
from ansible_collections.corral.virt.tests.filters.build import Fields, build, complete, mark_of
from ansible_collections.corral.virt.tests.filters.cases import CASES, VARIABLES, WRAPPER, closed, needs_connections
from ansible_collections.corral.virt.tests.filters.oracle import IN, OUT
from ansible_collections.corral.virt.tests.filters.public import PUBLIC, PUBLIC_VARIABLES
from ansible_collections.corral.virt.tests.filters.rounds import (
    ACK,
    UNREACHABLE,
    Job,
    Round,
    answer,
    answers,
    job_for,
    judged,
    next_of,
    write,
)
from ansible_collections.corral.virt.tests.integration.own_kernel import run_with_own_kernel

pytestmark = [pytest.mark.guest, pytest.mark.root]

FILTERS = Path(__file__).resolve().parents[1] / "filters"

END = "<rule action='drop' direction='inout' priority='1000'><{}/></rule>"
ENDS = END.format("all") + END.format("all-ipv6")


def of(name: str, *rules: str, end: str = ENDS) -> str:
    texts = (rule.split(" ", 2) for rule in rules)
    inside = "".join(f"<rule action='{action}' direction='{way}'>{match}</rule>" for action, way, match in texts)
    return f"<filter name='{name}'>{inside}{end}</filter>"


STATEFUL = {
    "server": of("server", "accept in <tcp dstportstart='22' dstportend='25'/>", "accept in <udp dstportstart='53'/>"),
    "client": of(
        "client",
        "accept out <tcp dstportstart='80'/>",
        "accept out <udp srcipaddr='10.0.0.7' dstipaddr='10.1.0.0' dstipmask='16'/>",
        "accept out <icmp type='8'/>",
        "accept in <icmp type='0'/>",
    ),
    "pings": of("pings", "accept out <icmp/>", "accept out <icmpv6/>"),
    "six": of(
        "six",
        "accept out <tcp-ipv6 dstportstart='80'/>",
        "accept in <udp-ipv6 srcipaddr='2001:db8:9::' srcipmask='48' dstportstart='53'/>",
        "accept in <all-ipv6 dscp='9'/>",
    ),
    "others": of(
        "others",
        "accept out <sctp dstportstart='9'/>",
        "accept in <udplite dscp='5'/>",
        "accept out <esp dscp='6'/>",
        "accept in <ah srcipaddr='10.0.0.9'/>",
        "accept out <igmp/>",
    ),
    "states": of(
        "states",
        "accept in <all state='ESTABLISHED'/>",
        "accept out <all state='ESTABLISHED,RELATED'/>",
        "accept in <tcp dstportstart='21' dstportend='22' state='NEW'/>",
        "accept out <icmp state='NEW'/>",
        "accept out <udp dstportstart='53' state='NEW'/>",
        "drop in <tcp dstportstart='99' state='INVALID'/>",
        "accept in <tcp dstportstart='99' state='NONE'/>",
        "accept inout <udp dstportstart='77' state='ESTABLISHED'/>",
    ),
    "both-ways": of("both-ways", "accept inout <tcp dstportstart='80'/>", "drop out <udp dstportstart='53'/>", end=""),
}
# Those of libvirt's that another kernel has to show; what a set of addresses holds is no matter of packets.
CONNECTED = [name for name, text in PUBLIC.items() if needs_connections(text) and "ipset=" not in text]
BY_ROUNDS = {
    **{name: ({name: text}, name, {}) for name, text in STATEFUL.items()},
    **{f"every {name}": (closed(CASES[name], name), WRAPPER, VARIABLES) for name in ("tcp", "icmp", "udp-ipv6")},
    **{f"libvirt's {name}": (closed({name: PUBLIC[name]}, name), WRAPPER, PUBLIC_VARIABLES) for name in CONNECTED},
}

# --- jobs by hand ----------------------------------------------------------------------------------------------------


def udp(**fields: Any) -> Fields:
    return complete({"source": MAC, "target": OTHER, "ip_source": "10.0.0.7", "ip_target": "10.0.0.8", **fields})


def unreachable(about: Fields, **fields: Any) -> Fields:
    """The message that tells who has sent a packet that nobody wants it."""
    packet = build(**about)[14:42]
    ends = {"ip_source": about["ip_target"], "ip_target": about["ip_source"], "source": OTHER, "target": MAC}
    return complete({**ends, "protocol": 1, "icmp_type": 3, "icmp_code": 3, "about_packet": packet, **fields})


ASKS = udp(target_port=53)
RELATED = of("related", "accept out <udp dstportstart='53'/>", "accept in <icmp state='RELATED'/>")
UNRELATED = of("unrelated", "accept out <udp dstportstart='53'/>", "accept in <icmp state='ESTABLISHED'/>")
LIMITED = of(
    "limited",
    "drop in <tcp dstportstart='22' connlimit-above='2'/>",
    "accept in <tcp dstportstart='22'/>",
    "drop out <icmp connlimit-above='1'/>",
    "accept out <icmp/>",
)


def connects(number: int, **fields: Any) -> Fields:
    here = {"source": OTHER, "target": MAC, "ip_source": "10.0.0.8", "ip_target": "10.0.0.7"}
    return complete({**here, "protocol": 6, "source_port": 30000 + number, "target_port": 22, **fields})


def pings(number: int) -> Fields:
    return udp(protocol=1, ident=number)


COUNTED = (
    (IN, [connects(number) for number in range(4)]),
    (IN, [connects(number, ip_source="10.0.0.9") for number in range(3)]),
    (OUT, [answer(connects(0))]),
    (IN, [next_of(connects(0)), connects(9)]),
    (OUT, [pings(1), pings(2)]),
)
BY_HAND = {
    "related": (RELATED, ((OUT, [ASKS]), (IN, [unreachable(ASKS), unreachable(udp(target_port=54))]))),
    "unrelated": (UNRELATED, ((OUT, [ASKS]), (IN, [unreachable(ASKS)]))),
    "limited": (LIMITED, COUNTED),
}

# What is rejected, and the family of who is told.
SIX = {"layer": "ipv6", "ip_source": "2001:db8::7", "ip_target": "2001:db8::8"}
REJECTING = of(
    "rejecting",
    "reject out <udp dstportstart='98'/>",
    "reject in <udp dstportstart='99'/>",
    "reject in <tcp/>",
    "reject out <tcp-ipv6/>",
    "reject inout <udp-ipv6 dstportstart='97'/>",
    "reject in <ip protocol='132'/>",
    "reject out <ipv6 protocol='132'/>",
    "reject out <mac protocolid='0x9000'/>",
    end="",
)
TO_GUEST = {"source": OTHER, "target": MAC}
BACK_SIX = {**SIX, "ip_source": "2001:db8::8", "ip_target": "2001:db8::7", **TO_GUEST}
REJECTED: tuple[tuple[str, Fields, int], ...] = (
    (OUT, udp(target_port=98), 4),
    (OUT, udp(target_port=96), 0),
    (IN, udp(**TO_GUEST, target_port=99), 4),
    (IN, udp(**TO_GUEST, target_port=96), 0),
    (IN, udp(**TO_GUEST, protocol=6), 4),
    (OUT, udp(**SIX, protocol=6), 6),
    (IN, udp(**BACK_SIX, target_port=97), 6),
    (OUT, udp(**SIX, source_port=97), 6),
    (IN, udp(**TO_GUEST, protocol=132), 4),
    (OUT, udp(**SIX, protocol=132), 6),
)
QUIETLY: tuple[tuple[str, Fields], ...] = (
    (OUT, complete({"layer": "other", "source": MAC})),
    (IN, udp(target_port=99, source=OTHER, target="52:54:00:99:99:99")),
)

# --- one run for all -------------------------------------------------------------------------------------------------


def by_hand(driver: Driver, told: list[str]) -> Iterator[Job]:
    for name, (text, rounds) in BY_HAND.items():
        port = driver.guard({name: text}, name, {})
        sent = tuple(Round(way, tuple(build(**fields) for fields in listed)) for way, listed in rounds)
        yield Job(name, port, told[-1], sent).settled()
    port = driver.guard({"rejecting": REJECTING}, "rejecting", {})
    sent = tuple(Round(way, (build(**fields),)) for way, fields, _family in REJECTED)
    quiet = tuple(Round(way, (build(**fields),)) for way, fields in QUIETLY)
    yield Job("rejecting", port, told[-1], sent + quiet).settled()


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Job, list[dict[str, Any]]]]:
    """All jobs by their names, with what was heard."""
    task = tmp_path_factory.mktemp("task")
    recorder = Recorder()
    with tree() as root:
        driver = Driver(root, host=recorder)
        jobs = [job_for(driver, recorder.told, case, *given) for case, given in BY_ROUNDS.items()]
        jobs += by_hand(driver, recorder.told)
    write(jobs, task / "jobs.json")
    for name in ("remote.py", "wire.py"):
        shutil.copy(FILTERS / name, task)
    done = run_with_own_kernel(task, "exec python3 /run/task/remote.py /run/task/jobs.json /run/task/found")
    if os.environ.get("CORRAL_SHOW"):
        print(done.output, done.console)
    assert done.code == 0, done
    found = {name: heard for half in "01" for name, heard in json.loads((task / f"found.{half}").read_text()).items()}
    return {job.name: (job, found[job.name]) for job in jobs}


@pytest.mark.parametrize("case", BY_ROUNDS)
def test_connections_pass_as_the_filter_means(case: str, ran: dict[str, Any]) -> None:
    job, heard = ran[case]
    wrong = judged(job, heard)
    assert not wrong, "\n".join([f"{len(wrong)} frames", *wrong[:12]])


@pytest.mark.parametrize("case", BY_HAND)
def test_errors_and_limits(case: str, ran: dict[str, Any]) -> None:
    job, heard = ran[case]
    assert not judged(job, heard)
    assert any(job.wanted) and any(len(each.frames) > len(wanted) for each, wanted in zip(job.rounds, job.wanted))


def test_who_is_rejected_is_told(ran: dict[str, Any]) -> None:
    job, heard = ran["rejecting"]
    assert not judged(job, heard)
    for (way, fields, family), sent, back in zip(REJECTED, job.rounds, heard):
        wanted = {mark_of(sent.frames[0]): UNREACHABLE[family]} if family else {}
        assert answers(back) == wanted, (way, fields)
    for back in heard[len(REJECTED) :]:
        assert not back["beyond"] and not back["back"]


def test_a_connection_is_gone_on_with() -> None:
    """The rounds say what they mean: a question, its answer, and what follows it."""
    assert answer(connects(1))["source_port"] == 22
    assert next_of(connects(1))["flags"] == ACK
