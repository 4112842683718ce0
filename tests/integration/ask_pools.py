# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tests of pools do in a place of their own: each line of the task is a step, and the answers are JSON.

A program of its own, so that it can run in a mount namespace and below another kernel. It gets the URI of a connection
and the name of a file with a list of [CALL, ARGUMENT, ...]; documents are texts that begin with "<". The call "run"
runs a program; its answer is what that prints, or an error.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from ansible_collections.corral.virt.plugins.module_utils.connect.open import open_connection  # noqa: E402
from ansible_collections.corral.virt.plugins.module_utils.drivers.api import Content  # noqa: E402
from ansible_collections.corral.virt.plugins.module_utils.errors import CorralError  # noqa: E402
from ansible_collections.corral.virt.plugins.module_utils.xml.parse import parse  # noqa: E402
from ansible_collections.corral.virt.plugins.module_utils.xml.write import to_text  # noqa: E402


def _read(word: Any) -> Any:
    return parse(word) if isinstance(word, str) and word.startswith("<") else word


def _plain(found: Any) -> Any:
    if dataclasses.is_dataclass(found) and not isinstance(found, type):
        return {key: _plain(value) for key, value in dataclasses.asdict(found).items()}
    if isinstance(found, (list, tuple)):
        return [_plain(each) for each in found]
    return to_text(found) if hasattr(found, "iter") else found


def _options(words: list[Any]) -> dict[str, Any]:
    """The last word of a step, where it is an object, are options by name; ``content`` is what fills a volume."""
    options = words.pop() if words and isinstance(words[-1], dict) else {}
    if "content" in options:
        options["content"] = Content(**options["content"])
    return options


def _do(connection: Any, call: str, words: list[Any]) -> Any:
    if call == "run":
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        return done.stdout if done.returncode == 0 else {"error": done.stdout + done.stderr, "kind": "run"}
    options = _options(words)
    if call == "set_secret_value":
        return connection.secret.set_secret_value(words[0], words[1].encode())
    driver = connection.secret if "secret" in call else connection.storage
    return getattr(driver, call)(*map(_read, words), **options)


def main(uri: str, task: str) -> None:
    """Do all steps; one that fails answers {"error": SENTENCE, "kind": CLASS}, and the next is done all the same."""
    answers: list[Any] = []
    with open_connection(uri) as connection:
        for call, *words in json.loads(Path(task).read_text()):
            print(f"{time.monotonic():.1f}", call, *words, file=sys.stderr, flush=True)
            try:
                answers.append(_plain(_do(connection, call, words)))
            except CorralError as error:
                answers.append({"error": str(error), "kind": type(error).__name__})
    print(json.dumps(answers))


if __name__ == "__main__":
    main(*sys.argv[1:])
