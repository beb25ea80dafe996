"""Become another user, then another program: `run_as.py UID GID CAPABILITY PROGRAM ARGUMENT…`.

Must be run as root. PostgreSQL refuses to run as root, and the user that runs it instead must pass
through the folders above its own, some of which may be open to root only. CAPABILITY is the number
of a Linux capability that the program keeps (`capabilities(7)`), or -1 for none. With a capability
that overrides the permission to search folders, no folder need be opened to everybody.

Only the standard library is imported, because this runs at each start of PostgreSQL.
"""

from __future__ import annotations

import ctypes
import os
import sys

NONE = -1
_SET_SECURE_BITS, _NO_FIX_UP = 28, 1 << 2
"""Makes a change of user leave the capabilities alone. Otherwise access(2), by which PostgreSQL
looks for its own programs, would ignore them."""
_AMBIENT, _RAISE = 47, 2
_VERSION_3 = 0x20080522


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Half(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def become(uid: int, gid: int, capability: int) -> None:
    """Become that user for good, also in every program that this process executes.

    Raises:
        OSError: when the system does not allow it.
    """
    library = ctypes.CDLL(None, use_errno=True)
    if capability != NONE:
        _checked(library.prctl(_SET_SECURE_BITS, _NO_FIX_UP, 0, 0, 0))
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if capability != NONE:
        halves = (_Half * 2)()
        halves[0] = _Half(1 << capability, 1 << capability, 1 << capability)
        _checked(library.capset(ctypes.byref(_Header(_VERSION_3, 0)), halves))
        _checked(library.prctl(_AMBIENT, _RAISE, capability, 0, 0))


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    become(*map(int, sys.argv[1:4]))
    os.execv(sys.argv[4], sys.argv[4:])  # noqa: S606 - replaces this process, so that signals reach the program
