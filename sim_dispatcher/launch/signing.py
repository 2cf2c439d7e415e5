"""The signature under every job: whoever can write to the database cannot make work of his own.

HMAC-SHA-256 over the exact text of the job, with a key file of mode 0600 that the dispatcher and
its launchers share.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from pathlib import Path
from typing import Final

from shared.errors import KeyRefusedError

__all__ = ["SigningKey", "load_or_make_key"]

KEY_BYTES: Final = 32
_CONTEXT: Final = b"AtomLoop job 1\0"


class SigningKey:
    """Signs jobs and checks signatures.

    Args:
        secret: The key's bytes.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def sign(self, text: str) -> str:
        """Return the signature of a job's text, in hexadecimal."""
        return hmac.new(self._secret, _CONTEXT + text.encode(), hashlib.sha256).hexdigest()

    def verifies(self, text: str, signature: str) -> bool:
        """Tell whether a signature belongs to a text; takes the same time either way."""
        return hmac.compare_digest(self.sign(text).encode(), signature.encode())


def load_or_make_key(path: Path) -> SigningKey:
    """Read the key file, or make one where there is none.

    Args:
        path: The file; 64 hexadecimal digits, readable by its owner alone.

    Raises:
        KeyRefusedError: Others may read or write it, or it holds no key.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    if not path.exists():
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(fresh, path)  # unlike rename, never over a key another process just made
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return _load(path)


def _load(path: Path) -> SigningKey:
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise KeyRefusedError(f"Others may use the key file {path}.", remedy=f"chmod 600 {path}")
    try:
        secret = bytes.fromhex(path.read_text("ascii").strip())
    except ValueError:
        secret = b""
    if len(secret) != KEY_BYTES:
        raise KeyRefusedError(
            f"{path} does not hold a signing key.",
            remedy="Remove it to have a new one made, for the dispatcher and all its launchers.",
        )
    return SigningKey(secret)
