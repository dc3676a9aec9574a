"""Where the platform may be sent by an address that somebody wrote (server-side request forgery, CWE-918)."""

import asyncio
import ipaddress
import socket


async def is_private(host: str) -> bool:
    """Whether a host is, or resolves to, an address that is not public."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return any(not ipaddress.ip_address(each[4][0]).is_global for each in found)
