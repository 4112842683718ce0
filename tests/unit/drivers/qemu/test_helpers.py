# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a guest needs beside QEMU: swtpm and virtiofsd live as long as it does, its TPM and UEFI variables longer.

The command lines are in golden/helpers-*.txt; CORRAL_REGENERATE=1 writes them anew.
"""

from __future__ import annotations

from contextlib import suppress
from copy import deepcopy
from typing import Callable, Dict, FrozenSet, Iterable, List

import pytest

from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.driver import QemuDriver
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.guest.helpers import Facts, helpers
from ansible_collections.corral.virt.plugins.module_utils.drivers.qemu.passes.run import complete, live
from ansible_collections.corral.virt.plugins.module_utils.errors import (
    CorralError,
    HostError,
    MissingProgram,
    OperationFailed,
    OperationInvalid,
    UnsupportedConfig,
)
from ansible_collections.corral.virt.plugins.module_utils.host.api import Completed
from ansible_collections.corral.virt.plugins.module_utils.host.fake import Killed
from ansible_collections.corral.virt.plugins.module_utils.host.layout import Layout
from ansible_collections.corral.virt.plugins.module_utils.model.domain.core import Domain
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import add
from ansible_collections.corral.virt.tests.unit.drivers.qemu.families.host import host as able_host
from ansible_collections.corral.virt.tests.unit.drivers.qemu.helper_host import (
    CODE,
    SHARE,
    SHARED,
    TPM,
    VARIABLES,
    HelperHost,
    served,
)
from ansible_collections.corral.virt.tests.unit.drivers.qemu.small_host import RUNNER, document, driver_on

Golden = Callable[[str, Iterable[str]], None]
UUID = "5f3c7a52-0e4b-4f5e-8a55-0123456789ab"
STATE = "/var/lib/corral/nvram/a_VARS.fd"
MOST = 300


def lines(devices: str, features: FrozenSet[str] = frozenset(), *, privileged: bool = True) -> List[str]:
    """The helpers of a guest with these devices: a line each of arguments, and of who runs it with what."""
    context = able_host(directory="/run/corral/guests/a", tpm="/var/lib/corral/tpm", privileged=privileged)
    made = document("a", devices, more=f"<uuid>{UUID}</uuid>{SHARED}", disk="")
    domain = Domain(live(complete(made, context), context))
    facts = Facts(
        name="a",
        uuid=domain.uuid or "",
        layout=Layout.system(),
        context=context,
        user=RUNNER,
        programs={"swtpm": "/usr/bin/swtpm", "virtiofsd": "/usr/libexec/virtiofsd"},
        features={"/usr/libexec/virtiofsd": features},
    )
    found: List[str] = []
    for helper in helpers(domain, facts):
        inherited = " ".join(f"{type(each).__name__}({each.path})" for each in helper.spawn.fds)
        found += [" ".join(helper.spawn.argv), f"  {helper.device} as {helper.spawn.user} with {inherited}"]
    return found


FULL_SHARE = (
    "<filesystem type='mount'><driver type='virtiofs'/><source dir='/srv/a,b'/><target dir='share'/>"
    "<binary xattr='on'><cache mode='none'/><sandbox mode='chroot'/>{locks}<thread_pool size='4'/>"
    "<openfiles max='1024'/></binary>{more}</filesystem>"
)
IDS = "<readonly/><idmap><uid start='0' target='1000' count='10'/><gid start='0' target='100' count='1'/></idmap>"
APART = frozenset({"separate-options"})


def test_command_lines(golden: Golden) -> None:
    locks = "<lock posix='on' flock='off'/>"
    shares = SHARE + FULL_SHARE.format(locks=locks, more="")
    old = "<tpm model='tpm-tis'><backend type='emulator' version='1.2' debug='5'/></tpm>"
    away = (
        "<tpm model='tpm-crb'><backend type='emulator' version='2.0'><source type='dir' path='/tpm'/></backend></tpm>"
    )
    golden("helpers-list", lines(TPM + shares))
    golden("helpers-apart", lines(old + SHARE + FULL_SHARE.format(locks="", more=IDS), APART))
    golden("helpers-away", lines(away))


@pytest.mark.parametrize(
    ("devices", "features", "privileged", "said"),
    [
        (FULL_SHARE.format(locks="<lock posix='on'/>", more=""), APART, True, "has no locks; remove <lock>"),
        (FULL_SHARE.format(locks="", more="<readonly/>"), frozenset(), True, "knows no <readonly/>"),
        (FULL_SHARE.format(locks="", more=IDS[11:]), frozenset(), True, "knows no <idmap>"),
        (SHARE, frozenset(), False, "works for root only"),
        (TPM.replace("'2.0'/>", "'2.0'><source type='dir' path='/a,b'/></backend>"), APART, True, "a comma in it"),
    ],
)
def test_what_a_helper_cannot_do(devices: str, features: FrozenSet[str], privileged: bool, said: str) -> None:

    with pytest.raises(UnsupportedConfig, match=said):
        lines(devices, features, privileged=privileged)


# their life


@pytest.fixture(scope="module")
def _defined() -> HelperHost:
    host = HelperHost()
    driver_on(host).define_domain(served())
    return host


@pytest.fixture
def machine(_defined: HelperHost) -> HelperHost:
    return deepcopy(_defined)


def sockets(host: HelperHost) -> List[str]:
    return sorted(path.rpartition("/")[2] for path in host.beside())


def test_they_live_and_end_with_their_guest(machine: HelperHost) -> None:
    driver = driver_on(machine)
    driver.start_domain("a")
    assert sockets(machine) == ["fs0-fs.sock", "swtpm.sock"]
    spawned = [subject.argv[0] for call, subject in machine.calls if call == "spawn"][-3:]
    assert spawned == ["/usr/bin/swtpm", "/usr/lib/qemu/virtiofsd", "/usr/bin/qemu-system-x86_64"]
    assert machine.owner("/run/corral/guests/a/swtpm.sock") == RUNNER
    driver.destroy_domain("a")
    assert machine.beside() == {} and machine.processes == {}
    assert machine.stat("/run/corral/guests/a") is None


def test_those_that_do_not_hang_up_are_ended(machine: HelperHost) -> None:
    machine.stubborn = True
    driver_on(machine).start_domain("a")
    machine.processes[machine.beside()["/run/corral/guests/a/fs0-fs.sock"]].ignores.add("SIGTERM")
    machine.end("a")
    assert len(machine.beside()) == 2
    assert driver_on(machine).lookup_domain("a").state == "shut off"
    driver_on(machine).settle()
    assert machine.beside() == {} and machine.processes == {}


def test_a_process_of_an_earlier_boot_is_left_alone(machine: HelperHost) -> None:
    driver_on(machine).start_domain("a")
    rows = [machine.processes[pid].process for pid in machine.beside().values()]
    status = machine.files["/run/corral/domains/a.json"]
    machine.reboot()
    machine.add_directory("/run/corral/domains", mode=0o700)
    machine.files["/run/corral/domains/a.json"] = status
    for process in rows:
        machine.add_process(process.pid, process.start)
    driver_on(machine).settle()
    assert all(machine.process(process.pid) == process for process in rows)


def test_the_state_of_a_tpm_is_made_once(machine: HelperHost) -> None:
    driver = driver_on(machine)
    state = f"/var/lib/corral/tpm/{driver.lookup_domain('a').uuid}/tpm2-00.permall"
    for _start in range(2):
        driver.start_domain("a")
        assert machine.read(state) == b"keys 1"
        assert (machine.owner(state), machine.files[state].mode) == (RUNNER, 0o600)
        driver.destroy_domain("a")
    driver.undefine_domain("a", storage="owned")
    assert machine.below("/var/lib/corral/nvram") == []
    assert [path for path in machine.below("/var/lib/corral/tpm") if "authority" not in path] == []


def test_the_banks_of_a_tpm_are_set_before_every_start(machine: HelperHost) -> None:
    driver = driver_on(machine)
    banks = "'2.0'><active_pcr_banks><sha256/><sha384/></active_pcr_banks></backend>"
    driver.define_domain(served(devices=TPM.replace("'2.0'/>", banks)))
    for _start in range(2):
        driver.start_domain("a")
        driver.destroy_domain("a")
    runs = [argv for call, argv in machine.calls if call == "run" and argv[0] == "swtpm_setup"]
    assert [("--reconfigure" in argv, argv[argv.index("--pcr-banks") + 1]) for argv in runs] == [
        (False, "sha256,sha384"),
        (True, "sha256,sha384"),
    ]


def test_a_tpm_without_the_set_up_program(machine: HelperHost) -> None:
    del machine.programs["swtpm_setup"]
    driver_on(machine).start_domain("a")
    assert machine.setups == 0 and "swtpm.sock" in sockets(machine)


def test_a_tpm_that_cannot_be_made(machine: HelperHost) -> None:
    machine.add_program("swtpm_setup", Completed(("swtpm_setup",), 1, b"", b"one\nNo entropy.\n"))
    with pytest.raises(OperationFailed, match="TPM of guest a could not be made; swtpm_setup said: one; No entropy"):
        driver_on(machine).start_domain("a")
    assert machine.processes == {} and machine.stat("/run/corral/guests/a") is None


def test_profiles_need_a_new_swtpm(machine: HelperHost) -> None:
    driver = driver_on(machine)
    profile = "'2.0'><profile source='local:restricted'/></backend>"
    driver.define_domain(served(devices=TPM.replace("'2.0'/>", profile)))
    with pytest.raises(UnsupportedConfig, match="knows no profiles"):
        driver.start_domain("a")


@pytest.mark.parametrize(
    ("program", "said"),
    [("swtpm", "swtpm is missing on this host. Install the package swtpm"), ("virtiofsd", "Install virtiofsd")],
)
def test_a_missing_program_names_its_package(machine: HelperHost, program: str, said: str) -> None:
    del machine.programs[program]
    with pytest.raises(MissingProgram, match=said):
        driver_on(machine).start_domain("a")
    assert machine.read("/run/corral/domains/a.json") is None


def test_virtiofsd_is_found_by_its_descriptor(machine: HelperHost) -> None:
    machine.add_program(
        "virtiofsd", Completed((), 0, b'{"features": ["separate-options"]}', b""), path="/opt/virtiofsd"
    )
    machine.add_file("/usr/share/qemu/vhost-user/50-fs.json", b'{"type": "fs", "binary": "/opt/virtiofsd"}')
    driver_on(machine).start_domain("a")
    (spawned,) = [subject for call, subject in machine.calls if call == "spawn" and "virtiofsd" in subject.argv[0]]
    assert spawned.argv == ("/opt/virtiofsd", "--fd=3", "--shared-dir=/srv/share")
    assert spawned.user is None


def test_a_program_of_somebody_else_is_not_asked_what_it_can_do(machine: HelperHost) -> None:
    machine.add_program("other", path="/home/me/virtiofsd")
    machine.add_file("/home/me/virtiofsd", mode=0o755, owner=(1000, 1000))
    driver = driver_on(machine)
    share = SHARE.replace("</filesystem>", "<binary path='/home/me/virtiofsd'/></filesystem>")
    driver.define_domain(served(devices=share))
    with pytest.raises(UnsupportedConfig, match="The <binary> /home/me/virtiofsd belongs to the user 1000"):
        driver.check_start(driver.domain_xml("a"))
    assert not [subject for call, subject in machine.calls if call == "run" and "/home/me" in subject[0]]


def test_a_directory_that_is_not_there(machine: HelperHost) -> None:
    machine.remove_tree("/srv/share")
    with pytest.raises(UnsupportedConfig, match="the directory /srv/share of virtiofs does not exist"):
        driver_on(machine).start_domain("a")
    machine.add_file("/srv/share")
    with pytest.raises(UnsupportedConfig, match="is a file"):
        driver_on(machine).start_domain("a")


def test_virtiofs_needs_shared_memory(machine: HelperHost) -> None:
    with pytest.raises(CorralError, match="<source type='memfd'/><access mode='shared'/>"):
        driver_on(machine).define_domain(served(more="<features><acpi/></features>"))


def test_what_a_helper_said_is_told(machine: HelperHost) -> None:
    machine.dies = b"qemu-system-x86_64: tpm-emulator: Setting the stateful\n"
    driver = driver_on(machine)
    write = machine.on_spawn

    def complain(started: object) -> None:
        write(started)  # type: ignore[arg-type]
        machine.add_file("/var/log/corral/helpers/a.tpm0.log", b"swtpm: the state is broken\n")

    machine.on_spawn = complain
    with pytest.raises(OperationFailed, match=r"tpm-emulator: .*; swtpm said: swtpm: the state is broken"):
        driver.start_domain("a")
    assert machine.beside() == {}


# UEFI variables


def test_variables_are_kept_over_starts_and_renames(machine: HelperHost) -> None:
    driver = driver_on(machine)
    driver.start_domain("a")
    assert (machine.read(STATE), machine.owner(STATE), machine.files[STATE].mode) == (b"empty", RUNNER, 0o600)
    driver.destroy_domain("a")
    machine.write(STATE, b"boot entries", owner=RUNNER)
    driver.start_domain("a")
    driver.destroy_domain("a")
    driver.rename_domain("a", "b")
    assert machine.below("/var/lib/corral/nvram") == [
        "/var/lib/corral/nvram/b_VARS.fd",
        "/var/lib/corral/nvram/b_VARS.fd.template",
    ]
    driver.start_domain("b")
    assert machine.read("/var/lib/corral/nvram/b_VARS.fd") == b"boot entries"


def test_variables_of_another_firmware_are_not_replaced(machine: HelperHost) -> None:
    driver = driver_on(machine)
    driver.start_domain("a")
    driver.destroy_domain("a")
    machine.add_file("/usr/share/OVMF/OTHER.fd", b"other")
    other = machine.files["/usr/share/qemu/firmware/60-plain.json"].data.replace(
        VARIABLES.encode(), b"/usr/share/OVMF/OTHER.fd"
    )
    machine.add_file("/usr/share/qemu/firmware/60-plain.json", other)
    driver.define_domain(served())
    with pytest.raises(OperationInvalid, match=f"were made from {VARIABLES}, and its firmware now has") as error:
        driver.start_domain("a")
    assert "Delete that file" in (error.value.hint or "")
    machine.remove(STATE)
    assert driver.start_domain("a").state == "running"
    assert machine.read(STATE) == b"other"


def test_variables_of_unknown_origin_have_the_size_of_their_template(machine: HelperHost) -> None:
    machine.add_file(STATE, b"from elsewhere", owner=RUNNER)
    with pytest.raises(OperationInvalid, match="is no UEFI variable store of its firmware: it has 14 bytes") as error:
        driver_on(machine).start_domain("a")
    assert "elete" not in str(error.value) and "Name another path" in (error.value.hint or "")
    machine.add_file(STATE, b"taken", owner=RUNNER)
    assert driver_on(machine).start_domain("a").state == "running"


def test_nobody_is_told_to_delete_a_file_that_is_not_ours(machine: HelperHost) -> None:
    machine.add_file("/etc/passwd", b"root:x:0:0")
    found = served()
    holder = found.find("os")
    assert holder is not None
    add(holder, "nvram").text = "/etc/passwd"
    driver = driver_on(machine)
    driver.define_domain(found)
    with pytest.raises(OperationInvalid, match="is no UEFI variable store of its firmware") as error:
        driver.start_domain("a")
    assert "elete" not in str(error.value) and machine.read("/etc/passwd") == b"root:x:0:0"


def test_firmware_that_is_gone(machine: HelperHost) -> None:
    machine.remove(CODE)
    with pytest.raises(HostError, match=r"The firmware /usr/share/OVMF/CODE\.fd of guest a does not exist\. Install"):
        driver_on(machine).start_domain("a")


def test_a_host_without_firmware() -> None:
    host = HelperHost()
    host.remove_tree("/usr/share/qemu")
    with pytest.raises(UnsupportedConfig, match=r"no firmware 'efi' that fits the guest\. Install the package ovmf"):
        driver_on(host).define_domain(served())


def test_variables_that_the_runner_cannot_reach(machine: HelperHost) -> None:
    machine.change_mode("/var/lib/corral/nvram", 0o700)
    with pytest.raises(HostError, match="cannot pass through /var/lib/corral/nvram"):
        driver_on(machine).start_domain("a")


def test_two_guests_with_one_file_of_variables(machine: HelperHost) -> None:
    driver = driver_on(machine)
    driver.start_domain("a")
    other = served("b")
    holder = other.find("os")
    assert holder is not None
    holder.append(other.makeelement("nvram", {}))
    holder[-1].text = STATE
    driver.define_domain(other)
    with pytest.raises(OperationInvalid, match="in use by the guest a, which is running"):
        driver.start_domain("b")


# memory


def huge(host: HelperHost, free: int) -> None:
    host.add_file("/proc/mounts", b"none /dev/hugepages hugetlbfs rw,pagesize=2M 0 0\n")
    host.add_directory("/dev/hugepages")
    pool = "/sys/kernel/mm/hugepages/hugepages-2048kB"
    for name, number in (("free_hugepages", free), ("resv_hugepages", 0), ("nr_hugepages", free + 2)):
        host.add_file(f"{pool}/{name}", b"%d\n" % number)


def test_huge_pages_are_counted_before_the_start(machine: HelperHost) -> None:
    driver = driver_on(machine)
    huge(machine, 31)
    driver.define_domain(document("h", more="<memoryBacking><hugepages/></memoryBacking>", disk=""))
    with pytest.raises(OperationInvalid, match="takes 32 huge pages of 2048 KiB, and the host has 31 free") as error:
        driver.start_domain("h")
    assert "echo 34 > " in (error.value.hint or "")
    huge(machine, 32)
    driver.start_domain("h")
    assert machine.files["/dev/hugepages/corral"].mode == 0o711
    assert machine.owner("/dev/hugepages/corral/h") == RUNNER
    driver.destroy_domain("h")
    assert machine.stat("/dev/hugepages/corral/h") is None


def test_no_huge_pages_are_mounted(machine: HelperHost) -> None:
    driver = driver_on(machine)
    with pytest.raises(UnsupportedConfig, match="asks for <hugepages/>, and the host has none mounted"):
        driver.define_domain(document("h", more="<memoryBacking><hugepages/></memoryBacking>", disk=""))
        driver.start_domain("h")


def test_files_of_memory_go_with_their_guest(machine: HelperHost) -> None:
    driver = driver_on(machine)
    backing = "<memoryBacking><source type='file'/><access mode='shared'/></memoryBacking>"
    driver.define_domain(document("f", more=backing, disk=""))
    driver.start_domain("f")
    assert machine.owner("/var/lib/corral/ram/f") == RUNNER
    driver.destroy_domain("f")
    assert machine.stat("/var/lib/corral/ram/f") is None


# accidents


def start(driver: QemuDriver) -> None:
    driver.start_domain("a")


def destroy(driver: QemuDriver) -> None:
    driver.destroy_domain("a")


def rename(driver: QemuDriver) -> None:
    driver.rename_domain("a", "b")


Action = Callable[[QemuDriver], None]
CASES: Dict[str, List[Action]] = {
    "start": [start],
    "start again": [start, destroy, start],
    "destroy": [start, destroy],
}


def prepared(machine: HelperHost, name: str, *, stubborn: bool) -> HelperHost:
    host = deepcopy(machine)
    host.stubborn = stubborn
    for action in CASES[name][:-1]:
        action(driver_on(host))
    return host


@pytest.mark.parametrize("stubborn", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_a_run_that_is_killed_at_any_step_leaves_no_helper(machine: HelperHost, name: str, stubborn: bool) -> None:
    for step in range(1, MOST):
        host = prepared(machine, name, stubborn=stubborn)
        host.kill_at(step)
        try:
            CASES[name][-1](driver_on(host))
        except Killed:
            host.revive()
            driver_on(host).settle()
            running = driver_on(host).lookup_domain("a").active
            assert len(host.beside()) == (2 if running else 0), f"killed at step {step}"
            assert len(host.processes) == (3 if running else 0), f"killed at step {step}"
            if not running:
                driver_on(host).start_domain("a")
                assert host.setups == 1 or name == "start", f"killed at step {step}"
            driver_on(host).destroy_domain("a")
            assert (host.beside(), host.processes) == ({}, {}), f"killed at step {step}"
            assert host.read(STATE) == b"empty"
            continue
        assert step > 5
        return
    pytest.fail(f"more than {MOST} steps")


@pytest.mark.parametrize("name", CASES)
def test_a_call_that_fails_at_any_step_leaves_no_helper(machine: HelperHost, name: str) -> None:
    for step in range(1, MOST):
        host = prepared(machine, name, stubborn=True)
        last = host.mutations + step
        host.fail_at(step, HostError("The disk is full."))
        with suppress(CorralError):
            CASES[name][-1](driver_on(host))
        done = host.mutations < last
        host.revive()
        driver_on(host).settle()
        running = driver_on(host).lookup_domain("a").active
        assert len(host.processes) == (3 if running else 0), f"failed at step {step}"
        if done:
            return
    pytest.fail(f"more than {MOST} steps")


def test_a_rename_that_is_killed_keeps_the_variables(machine: HelperHost) -> None:
    for action in (start, destroy):
        action(driver_on(machine))
    machine.write(STATE, b"boot entries", owner=RUNNER)
    for step in range(1, MOST):
        host = deepcopy(machine)
        host.kill_at(step)
        try:
            rename(driver_on(host))
        except Killed:
            host.revive()
            if host.stat("/etc/corral/domains/a.xml") is not None:
                rename(driver_on(host))
            names = [found.name for found in driver_on(host).list_domains()]
            assert names == ["b"], f"killed at step {step}"
            found = [path for path in host.below("/var/lib/corral/nvram") if not path.endswith(".template")]
            assert [host.read(path) for path in found] == [b"boot entries"], f"killed at step {step}"
            continue
        return
    pytest.fail(f"more than {MOST} steps")
