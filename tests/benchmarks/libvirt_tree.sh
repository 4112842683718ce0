#!/usr/bin/env bash
# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Makes a Debian tree with a real libvirtd and community.libvirt in it, for run.py --libvirt-tree. Needs root, the
# network, mmdebstrap, and the Python of .venv to be of the version that Debian 12 has (3.11).
#
#   tests/benchmarks/libvirt_tree.sh DIR

set -euo pipefail
tree=$(realpath -m "$1")
cd "$(dirname "$0")/../.."
packages=libvirt-daemon,libvirt-daemon-system,libvirt-daemon-driver-qemu,libvirt-clients,python3-libvirt,python3-lxml
packages+=,qemu-system-x86,qemu-utils,python3-venv,ca-certificates,iproute2,nftables

"${MMDEBSTRAP:-mmdebstrap}" --mode=root --variant=apt --skip=check/empty --aptopt='APT::Install-Recommends "false"' \
  --include="$packages" bookworm "$tree"  # from the mirror that mmdebstrap takes by itself, updates included

# the same ansible-core as here, so that both sides are run by the same
core=$(.venv/bin/python -c 'import ansible.release; print(ansible.release.__version__)')
.venv/bin/pip download --quiet --dest "$tree/wheels" ansible "ansible-core==$core" qemu.qmp
env -i PATH="$PATH" chroot "$tree" python3 -m venv --system-site-packages /opt/ansible
env -i PATH="$PATH" chroot "$tree" /opt/ansible/bin/pip install --quiet --no-index --find-links /wheels ansible qemu.qmp
rm -r "$tree/wheels"

# below a chroot QEMU finds no terminals in a mount namespace that libvirtd makes
echo 'namespaces = []' >>"$tree/etc/libvirt/qemu.conf"
