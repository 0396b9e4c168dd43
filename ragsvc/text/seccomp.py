"""A system call filter for Linux: no sockets, no other programs, nothing that reaches into other processes.

Written by hand as a BPF program, so that it needs no library. It cannot be taken off again, and every
thread and child has it.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
from collections.abc import Sequence
from typing import NamedTuple

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _ARCH_AT, _FIRST_ARGUMENT_AT = 0, 4, 16
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000
_SET_FILTER, _ALL_THREADS = 1, 1
_THREAD_FLAG = 0x00010000
_X32_BIT = 0x40000000


class _Arch(NamedTuple):
    """How a processor names its system calls. audit: its number in the filter's input."""

    audit: int
    seccomp: int
    clone: int
    clone3: int
    denied: tuple[int, ...]


# socket, socketpair stays; connect, accept, bind, listen, sendmsg stays (our own pipe is a socket).
# Then: fork, vfork, execve, execveat, ptrace, mount and its kin, unshare, setns, bpf, io_uring (which would
# open sockets past the filter), process_vm_*, pidfd_getfd, keyrings, perf, userfaultfd, modules, kexec.
_ARCHES = {
    "x86_64": _Arch(
        0xC000003E, 317, 56, 435,
        (41, 42, 43, 49, 50, 288, 57, 58, 59, 322, 101, 165, 166, 155, 161, 272, 308, 321, 425, 426, 427,
         310, 311, 438, 248, 249, 250, 298, 323, 175, 313, 176, 246, 320, 428, 429, 430, 432, 442),
    ),
    "aarch64": _Arch(
        0xC00000B7, 277, 220, 435,
        (198, 203, 202, 200, 201, 242, 221, 281, 117, 40, 39, 41, 51, 97, 268, 280, 425, 426, 427,
         270, 271, 438, 217, 218, 219, 241, 282, 105, 273, 106, 104, 294, 428, 429, 430, 432, 442),
    ),
}  # fmt: skip


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def install() -> bool:
    """Filter the system calls of this process from now on.

    It must have given up new privileges before.

    :return: whether it is in force; False on other systems and processors, and where the kernel refuses.
    """
    arch = _ARCHES.get(platform.machine())
    if platform.system() != "Linux" or arch is None:
        return False
    code = _compile(arch)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    call = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    return bool(call(arch.seccomp, _SET_FILTER, _ALL_THREADS, ctypes.byref(program)) == 0)


def _compile(arch: _Arch) -> bytes:
    refuse, missing, allow = (_FAIL | errno.EPERM, _FAIL | errno.ENOSYS, _ALLOW)
    lines: list[tuple[int, int, int, int]] = [
        (_LOAD, 0, 0, _ARCH_AT),
        (_EQUAL, 1, 0, arch.audit),
        (_RETURN, 0, 0, refuse),
        (_LOAD, 0, 0, _NUMBER_AT),
        # The other naming of the same calls on x86.
        (_AT_LEAST, 0, 1, _X32_BIT),
        (_RETURN, 0, 0, refuse),
        # Its flags lie in memory, where a filter cannot look: whoever wants a thread falls back to clone.
        (_EQUAL, 0, 1, arch.clone3),
        (_RETURN, 0, 0, missing),
        *_each(arch.denied, refuse),
        (_EQUAL, 1, 0, arch.clone),
        (_RETURN, 0, 0, allow),
        (_LOAD, 0, 0, _FIRST_ARGUMENT_AT),
        (_ANY_BIT, 1, 0, _THREAD_FLAG),
        (_RETURN, 0, 0, refuse),
        (_RETURN, 0, 0, allow),
    ]
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


def _each(numbers: Sequence[int], result: int) -> list[tuple[int, int, int, int]]:
    lines: list[tuple[int, int, int, int]] = []
    for number in numbers:
        lines += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, result)]
    return lines
