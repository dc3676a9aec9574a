"""Free ports of the loopback."""

import errno
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


def _is_taken(host: str, port: int) -> bool:
    """Whether another program listens there; what else may hinder a server is for that server to say."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((host, port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


def require_free(host: str, port: int, *, key: str) -> int:
    """The port, or PortInUse naming the setting that asked for it."""
    if _is_taken(host, port):
        message = f"port {port} of {host} is in use by another program; free it, or set {key} to another port"
        raise PortInUse(message, host=host, port=port, key=key)
    return port
