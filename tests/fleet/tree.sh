#!/usr/bin/env bash
# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Makes a Debian tree that boots in systemd-nspawn: systemd, an SSH server, Python, and the packages that are named.
# machine.py runs overlays of it, so the tree itself stays as it was made. Needs root, the network and mmdebstrap. A tree
# that is whole is left alone; another one is made anew beside the old one, and takes its place when it is whole.
#
#   tests/fleet/tree.sh DIR [PACKAGE...]               bare: what a provider's image of Debian has
#   tests/fleet/tree.sh --full DIR [PACKAGE...]        with all that a host takes; wheels of what Debian lacks in /opt/wheels
#   SUITE=trixie tests/fleet/tree.sh DIR               another Debian than bookworm (12); its keys have to be known here
#                                                      (debian-archive-keyring 2023.3+deb12u2 of Debian 12 has trixie's)

set -euo pipefail
suite=${SUITE:-bookworm}
packages=systemd,systemd-sysv,dbus,libpam-systemd,openssh-server,python3,sudo,iproute2,iputils-ping,ca-certificates,udev,kmod
full=
if [ "$1" = --full ]; then
  full=yes
  shift
  packages+=,qemu-system-x86,qemu-utils,nftables,dnsmasq-base,python3-lxml,python3-venv,ovmf,swtpm,swtpm-tools
  packages+=,lvm2,parted,e2fsprogs,xfsprogs,zstd
  [ "$suite" = bookworm ] || packages+=,virtiofsd,qemu-system-modules-spice
fi
place=$(realpath -m "$1")
shift
cd "$(dirname "$0")/../.."
for package in "$@"; do
  packages+=,$package
done

mkdir -p "$(dirname "$place")"
# one at a time, also of those that nobody waits for any more
exec 9>"$place.lock"
flock 9
[ "$(cat "$place/etc/corral-tree" 2>/dev/null)" != "$packages" ] || exit 0
tree=$place.making
rm -rf --one-file-system "$tree"
# from the mirror that mmdebstrap takes by itself, updates included, and by the way that this machine goes there
way=$(mktemp)
trap 'rm -rf --one-file-system "$tree" "$place.old" "$way"' EXIT
apt-config dump --format '%F "%v";%n' 2>/dev/null | grep -E '^Acquire::(https?::|Check-|Retries)' >"$way" || true
"${MMDEBSTRAP:-mmdebstrap}" --quiet --mode=root --variant=apt --aptopt="$way" --aptopt='APT::Install-Recommends "false"' \
  --include="$packages" "$suite" "$tree" 9>&-
rm "$tree/etc/apt/apt.conf.d/99mmdebstrap"

# every copy is another machine, and is told its name by the one that starts it
rm -f "$tree"/etc/ssh/ssh_host_*_key*
: >"$tree/etc/machine-id"
echo corral >"$tree/etc/hostname"
printf '127.0.0.1 localhost corral\n::1 localhost\n' >"$tree/etc/hosts"
mkdir -p "$tree/etc/systemd/system/ssh.service.d"
cat >"$tree/etc/systemd/system/ssh.service.d/keys.conf" <<'EOF_KEYS'
[Service]
ExecStartPre=
ExecStartPre=/bin/sh -c 'test -s "$$0" || ssh-keygen -q -N "" -t ed25519 -f "$$0"' /etc/ssh/ssh_host_ed25519_key
ExecStartPre=/usr/sbin/sshd -t
EOF_KEYS
printf 'PermitRootLogin prohibit-password\nUseDNS no\n' >"$tree/etc/ssh/sshd_config.d/corral.conf"
# a first boot asks nobody, and waits for nothing that is not there
ln -sf /dev/null "$tree/etc/systemd/system/systemd-firstboot.service"
ln -sf /dev/null "$tree/etc/systemd/system/apt-daily.timer"
ln -sf /dev/null "$tree/etc/systemd/system/apt-daily-upgrade.timer"
if [ -n "$full" ]; then
  .venv/bin/python -m pip download --quiet --disable-pip-version-check --no-deps --dest "$tree/opt/wheels" \
    "$(grep -iE '^qemu[.-]qmp==' requirements/run.txt)"
fi
echo "$packages" >"$tree/etc/corral-tree"
if [ -e "$place" ]; then
  mv "$place" "$place.old"
fi
mv "$tree" "$place"
