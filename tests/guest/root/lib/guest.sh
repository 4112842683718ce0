# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# What init and the hotplug handler share: one line of the greeting for each kind of device, and the ways out.

agent_port=/dev/virtio-ports/org.qemu.guest_agent.0

say() {
    echo "corral-guest: $said_of$*"
} >/dev/console

say_file() {
    read -r value 2>/dev/null <"$2" || value=
    [ "$value" != none ] || value=
    say "$1 ${value:--}"
}

# Sets pci and driver: the PCI function that the device of a sysfs path sits behind, and the driver of that function;
# leaves the device's real path in real. No subshell: each costs some milliseconds.
find_pci() {
    pci=-
    cd -P "$1" || return
    real=$PWD
    IFS=/
    for part in $real; do
        case $part in ????:??:??.?) pci=$part ;; esac
    done
    unset IFS
    find_driver "/sys/bus/pci/devices/$pci"
}

find_driver() {
    driver=-
    [ -e "$1/driver" ] || return 0
    cd -P "$1/driver" && driver=${PWD##*/}
    cd /
}

say_pci() {
    read -r vendor <"$1/vendor"
    read -r device <"$1/device"
    find_driver "$1"
    say "pci ${1##*/} ${vendor#0x}:${device#0x} driver=$driver"
}

# Each disk is said once, whoever finds it first: init or the hotplug handler.
say_block() {
    block=${1##*/}
    [ ! -e "/run/said.$block" ] || return 0
    : >"/run/said.$block"
    read -r sectors <"$1/size"
    read -r ro <"$1/ro"
    type=disk
    case $block in sr*) type=cdrom ;; fd*) type=floppy ;; esac
    # An empty drive reports the largest size that it could have.
    [ "$type$sectors" != cdrom2097151 ] || sectors=0
    find_pci "$1/device"
    bus=-
    case $real in *usb*) bus=usb ;; *virtio*/host*) bus=virtio-scsi ;; *virtio*) bus=virtio ;; *nvme*) bus=nvme ;;
    */ata*) bus=ata ;; */host*) bus=scsi ;; esac
    find_serial "$1/device"
    say "block $block type=$type size=$((sectors * 512)) ro=$ro bus=$bus driver=$driver pci=$pci serial=${serial:--}"
}

find_serial() {
    serial=
    if [ -r "${1%device}serial" ]; then
        read -r serial <"${1%device}serial"
    elif [ -r "$1/serial" ]; then
        read -r serial <"$1/serial"
    elif [ "$bus" = usb ]; then
        # Of the USB device, above the interface that the SCSI host is on.
        usb=${real%%/host*}
        read -r serial 2>/dev/null <"${usb%/*}/serial"
    elif [ -r "$1/vpd_pg80" ]; then
        serial=$(tail -c +5 "$1/vpd_pg80" 2>/dev/null)
        # Padded with blanks to its fixed size.
        serial=${serial#"${serial%%[! ]*}"}
        serial=${serial%"${serial##*[! ]}"}
    fi
}

say_nic() {
    read -r mac <"$1/address"
    find_pci "$1/device"
    say "nic ${1##*/} mac=$mac driver=$driver pci=$pci"
}

say_port() {
    read -r port 2>/dev/null <"$1/name" || port=
    [ -n "$port" ] || return 0
    [ -e "/dev/virtio-ports/$port" ] || ln -s "../${1##*/}" "/dev/virtio-ports/$port"
    say "port $port dev=${1##*/}"
}

# With IPv6 the address of the link must be good at once: DHCPv6 starts from it.
take_dhcp() {
    if [ -e /run/dhcp6 ]; then
        echo 0 >"/proc/sys/net/ipv6/conf/$1/accept_dad"
        ip link set "$1" up
        take_dhcp6 "$1" &
    fi
    ip link set "$1" up
    udhcpc -f -i "$1" -t 6 -T 1 -A 5 -s /etc/udhcpc/script >/dev/null 2>&1 &
}

# The client ends when the link has no address of its own yet.
take_dhcp6() {
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        ip -6 addr show dev "$1" scope link | grep -q inet6 && break
        sleep 0.5
    done
    dhclient -6 -d -D LL -sf /etc/dhclient/script -lf "/run/dhclient.$1" --no-pid "$1" >/dev/null 2>&1
}

# What corral.fetch and corral.resolve ask for, once, as soon as there is an address.
answer() {
    mv /run/asks /run/asks.now 2>/dev/null || return 0
    read -r asks </run/asks.now
    for ask in $asks; do "${ask%%=*}" "${ask#*=}"; done
}

run_agent() {
    qemu-ga -m virtio-serial -p "$agent_port" -t /run -l /run/qemu-ga.log >/dev/null 2>&1 &
}

# The pause lets the serial port send what was said.
power_off() {
    sync
    say 'power off'
    sleep 0.1
    poweroff -f
}

restart() {
    sync
    say reboot
    sleep 0.1
    reboot -f
}
