"""Which process a loopback connection comes from, where the system shows it (Linux)."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

CONNECTIONS = Path("/proc/net/tcp")
"""The kernel's table of IPv4 TCP sockets; columns as in Linux's ``proc_net_tcp.txt``."""

Address = tuple[str, int]


def find_owner(process_ids: Sequence[int], client: Address, server: Address) -> int | None:
    """Which of some processes holds the client's end of a connection.

    Args:
        process_ids: The processes.
        client: Host and port of the client's end, IPv4.
        server: Host and port of the server's end, IPv4.

    Returns:
        The first one that holds it, or ``None``; the first one of all if this system does not show
        it.
    """
    try:
        table = CONNECTIONS.read_text()
    except OSError:
        return process_ids[0]
    inode = _inode(table, client, server)
    return next((each for each in process_ids if inode in _socket_inodes(each)), None)


def _inode(table: str, client: Address, server: Address) -> str | None:
    ends = [_hexadecimal(client), _hexadecimal(server)]
    for line in table.splitlines()[1:]:
        columns = line.split()
        if columns[1:3] == ends:
            return columns[9]
    return None


def _socket_inodes(process_id: int) -> set[str]:
    descriptors = Path(f"/proc/{process_id}/fd")
    inodes = set()
    try:
        for name in os.listdir(descriptors):
            try:
                target = os.readlink(descriptors / name)
            except FileNotFoundError:  # closed meanwhile
                continue
            if target.startswith("socket:["):
                inodes.add(target[len("socket:[") : -1])
    except OSError:  # the process has ended
        return set()
    return inodes


def _hexadecimal(address: Address) -> str:
    host = int.from_bytes(socket.inet_aton(address[0]), sys.byteorder)
    return f"{host:08X}:{address[1]:04X}"
