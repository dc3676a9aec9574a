"""Free ports of the loopback."""

import socket

from clapas.engines.errors import PortInUse


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nothing listens on at this moment."""
    with socket.socket() as found:
        found.bind((host, 0))
        return int(found.getsockname()[1])


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except OSError:
            return False
    return True


def require_free(host: str, port: int, *, key: str) -> int:
    """The port, or PortInUse naming the setting that asked for it."""
    if not is_free(host, port):
        message = f"port {port} of {host} is in use by another program; free it, or set {key} to another port"
        raise PortInUse(message, host=host, port=port, key=key)
    return port
