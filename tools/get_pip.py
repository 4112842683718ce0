# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What 'ansible-test sanity' wants of the virtual environments that it makes: a get-pip.py of its own. It would
# download one; this one takes the pip that Python carries and lets it install what is asked, so that the
# package index of the machine is all the network there is.

import ensurepip
import os
import runpy
import sys

environment = dict(os.environ)
ensurepip.bootstrap()
os.environ.clear()  # ensurepip switches pip's own settings off, for this process and for good
os.environ.update(environment)
wanted = [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
sys.argv = ["pip", "install", *wanted]
runpy.run_module("pip", run_name="__main__", alter_sys=True)
