"""Become the child: die with the parent, drop to another user when asked, then run the program.

Run as a script in a fresh interpreter, before anything else of Clapas is imported:
``python -I -S leash.py PARENT_PID DEATH_SIGNAL UID GID PROGRAM ARGUMENT…`` (UID -1 keeps the user).
Linux clears the death signal when the user changes, so it is asked for last (prctl(2), PR_SET_PDEATHSIG).
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Never returns: the process becomes the program."""
    parent, signal, uid, gid = (int(text) for text in arguments[:4])
    program = arguments[4:]
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    os.umask(0o077)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal)
    if os.getppid() != parent:
        sys.exit("the parent is gone already")
    os.execv(program[0], program)  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])
