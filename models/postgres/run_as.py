"""Become another user and then another program: `python run_as.py UID GID CAPABILITY PROGRAM ARGUMENT…`, as root.

PostgreSQL refuses to run as root, and the user it runs as instead must get through the folders above its own, of which
some may be open to root alone. CAPABILITY is the number of a Linux capability that the program keeps although it is
no longer root's (`capabilities(7)`), or -1 for none: with one that overrides the permission to search a folder nobody's
folder need be opened to everybody. Only the standard library is imported: this starts each time that PostgreSQL does.
"""

from __future__ import annotations

import ctypes
import os
import sys

NONE = -1
_SET_SECURE_BITS, _NO_FIX_UP = 28, 1 << 2
"""A change of user then leaves capabilities alone. access(2), by which PostgreSQL looks for its own
programs, would otherwise answer as if there were none."""
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
    """Be that user from here on, through every program that this process becomes.

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
    os.execv(sys.argv[4], sys.argv[4:])  # noqa: S606 - it becomes the program, and gets its signals
