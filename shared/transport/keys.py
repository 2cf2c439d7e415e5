"""CURVE key pairs on disk, in ZeroMQ's certificate format (rfc.zeromq.org/spec/26).

`NAME.key` holds the public key and may travel; `NAME.key_secret` holds both, mode 0600, and
never leaves its machine.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from pathlib import Path

import zmq.auth

from shared.errors import KeyRefusedError

__all__ = ["KeyPair", "create_keys", "load_keys", "load_public_key"]

_MAKE_REMEDY = "Make a key pair with the service's `keys` command."


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A CURVE key pair, Z85-encoded.

    Attributes:
        public: 40 ASCII characters.
        secret: 40 ASCII characters; kept out of representations.
    """

    public: bytes
    secret: bytes = field(repr=False)


def create_keys(folder: Path, name: str) -> Path:
    """Make a key pair `NAME.key`, `NAME.key_secret` in `folder`.

    Returns:
        Path of the secret file.

    Raises:
        KeyRefusedError: A key of that name exists already; it is never overwritten.
    """
    secret_file = folder / f"{name}.key_secret"
    if secret_file.exists():
        raise KeyRefusedError(
            f"Key {secret_file} exists already.",
            remedy="Keep it, choose another name, or move the old one away first.",
        )
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    zmq.auth.create_certificates(folder, name)
    secret_file.chmod(stat.S_IRUSR | stat.S_IWUSR)
    return secret_file


def load_keys(secret_file: Path) -> KeyPair:
    """Read a key pair from its secret file.

    Raises:
        KeyRefusedError: The file is missing, malformed, or readable by others.
    """
    public, secret = _load(secret_file)
    if secret is None:
        raise KeyRefusedError(
            f"{secret_file} holds no secret key.", remedy="Name the .key_secret file."
        )
    if secret_file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise KeyRefusedError(
            f"Secret key {secret_file} is open to other users.", remedy=f"chmod 600 {secret_file}"
        )
    return KeyPair(public, secret)


def load_public_key(file: Path) -> bytes:
    """Read the public key from `NAME.key`.

    Raises:
        KeyRefusedError: The file is missing or malformed.
    """
    return _load(file)[0]


def _load(file: Path) -> tuple[bytes, bytes | None]:
    try:
        return zmq.auth.load_certificate(file)
    except OSError as error:
        raise KeyRefusedError(f"Key file {file} does not exist.", remedy=_MAKE_REMEDY) from error
    except ValueError as error:
        raise KeyRefusedError(f"Key file {file} is malformed.", remedy=_MAKE_REMEDY) from error
