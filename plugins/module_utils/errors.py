# Copyright: (c) 2026, corral.virt contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The error tree: every failure that a user can see is one of these values.

CorralError
 +-- InvalidArgument          a parameter or a document that cannot be what was meant
 |    +-- UriError            a connection URI that does not parse
 |    +-- DocumentError       something in a document; knows the line
 |         +-- XmlError           a document that is refused
 |         +-- UnsupportedConfig  well-formed, but this host or this QEMU cannot do it
 +-- NoConnection             no driver took the URI; says why each declined
 +-- NoSupport                the call has no implementation on this connection
 +-- OperationDenied          the connection is read-only, or the user lacks the right
 +-- OperationInvalid         the object is in a state in which this cannot be done
 +-- OperationFailed          it was tried and did not work
 |    +-- TimedOut            it did not happen in time
 |         +-- LockBusy       somebody else holds the lock
 +-- NotFound                 no object of that name, uuid or id
 +-- AlreadyExists            the name or the uuid belongs to another object
 +-- HostError                the machine refused: files, permissions, missing libraries
 |    +-- MissingLibrary      a Python library that has to be installed
 |    +-- MissingProgram      a program that has to be installed
 |    +-- CommandFailed       a program ran and ended with an error
 +-- MonitorError             QEMU answered a command with an error
      +-- MonitorClosed       QEMU went away while we spoke to it
"""

from __future__ import annotations

from typing import Any, Dict, Optional, Sequence


def sentence(words: str) -> str:
    """Return somebody else's words as the end of a sentence of ours, with one full stop."""
    return words if words.endswith((".", "!", "?")) else f"{words.rstrip()}."


class CorralError(Exception):
    """A failure that a user can act on: one sentence, and optionally what to do next.

    ``message`` is one sentence without a secret in it, ``hint`` says what to do,
    ``details`` are plain values that a module returns beside the message.
    """

    def __init__(self, message: str, *, hint: Optional[str] = None, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details: Dict[str, Any] = details

    def __str__(self) -> str:
        return f"{self.message} {self.hint}" if self.hint else self.message


class InvalidArgument(CorralError):
    """A parameter or a document that cannot be what was meant."""


class UriError(InvalidArgument):
    """A connection URI that does not parse or that no driver could ever serve."""


class DocumentError(InvalidArgument):
    """Something in a document; ``line`` is counted from 1 where it is known, and stands before the message.

    The message is kept on one line, whatever values of the document it quotes.
    """

    def __init__(self, message: str, *, line: Optional[int] = None, hint: Optional[str] = None, **details: Any) -> None:
        where: Dict[str, Any] = {"line": line} if line else {}
        message = " ".join(message.split())
        super().__init__(f"line {line}: {message}" if line else message, hint=hint, **where, **details)
        self.line = line


class XmlError(DocumentError):
    """A document that is refused."""


class UnsupportedConfig(DocumentError):
    """A well-formed document that asks for what this host or this QEMU cannot do."""


class NoConnection(CorralError):
    """No driver took the URI."""


class NoSupport(CorralError):
    """The call has no implementation on this connection."""


class OperationDenied(CorralError):
    """The connection is read-only, or the user may not do this."""


class OperationInvalid(CorralError):
    """The object is in a state in which this cannot be done."""


class OperationFailed(CorralError):
    """It was tried and did not work."""


class TimedOut(OperationFailed):
    """It did not happen within the time that was given."""


class LockBusy(TimedOut):
    """Somebody else holds the lock."""


class NotFound(CorralError):
    """There is no object of that name, uuid or id."""


class AlreadyExists(CorralError):
    """The name or the uuid belongs to another object."""


class HostError(CorralError):
    """The machine refused: a file, a permission, a full disk."""


class MissingLibrary(HostError):
    """A Python library that the target lacks; ``library`` names it."""

    def __init__(self, library: str, *, hint: Optional[str] = None) -> None:
        super().__init__(f"The Python library {library} is missing on this host.", hint=hint, library=library)
        self.library = library


class MissingProgram(HostError):
    """A program that the target lacks; ``program`` names it."""

    def __init__(self, program: str, *, hint: Optional[str] = None) -> None:
        super().__init__(f"The program {program} is missing on this host.", hint=hint, program=program)
        self.program = program


class CommandFailed(HostError):
    """A program ended with an error; keeps what was run and what it said."""

    def __init__(self, argv: Sequence[str], code: int, stderr: str) -> None:
        said = sentence(stderr.strip() or "it said nothing")
        super().__init__(f"{argv[0]} ended with {code}: {said}", argv=list(argv), code=code)
        self.argv = tuple(argv)
        self.code = code
        self.stderr = stderr


class MonitorError(CorralError):
    """QEMU answered a command with an error; keeps the command and QEMU's own words."""

    verb = "refused"

    def __init__(self, command: str, error_class: str, description: str) -> None:
        super().__init__(
            f"QEMU {self.verb} {command}: {sentence(description)}", command=command, error_class=error_class
        )
        self.command = command
        self.error_class = error_class
        self.description = description


class MonitorClosed(MonitorError):
    """QEMU went away while we spoke to it."""

    verb = "did not answer"

    def __init__(self, command: str, description: str = "the monitor was closed") -> None:
        super().__init__(command, "Closed", description)
