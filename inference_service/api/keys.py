"""Who may come in, and what they may do there.

Scripts send a key as ``Authorization: Bearer …`` or ``X-Api-Key``. A person opens an address with
a one-time key, which the first use burns and trades for a signed cookie; the cookie survives a
restart of the service wherever the API key does. Each of them carries rights: to `read`, or also
to `operate`, which is everything that changes something.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Final

from inference_service.admission import Admission, Rights
from shared.clock import Clock
from shared.errors import ConfigurationError, KeyRefusedError

__all__ = ["COOKIE_AGE_S", "KeyRing", "load_or_create_key", "new_key"]

COOKIE_AGE_S: Final = 7 * 24 * 3600
"""A browser stays admitted for a week: longer than any sitting at a microscope."""

MAX_ONE_TIME_KEYS: Final = 32
"""Unused one-time keys kept; the oldest is dropped for a new one."""

KEY_FORM: Final = re.compile(r"[A-Za-z0-9._~+/=-]{32,512}")
"""What RFC 6750 allows in a bearer token, long enough not to be guessed."""

NS_PER_S: Final = 1_000_000_000


def new_key() -> str:
    """Return a fresh 256-bit key that is safe in URLs and headers."""
    return secrets.token_urlsafe(32)


def load_or_create_key(path: Path | None) -> str:
    """Return the API key kept in a file, made with mode 0600 if it does not exist.

    Args:
        path: The key file; None for a key that lives as long as the process.

    Raises:
        KeyRefusedError: The file is readable by others or holds no usable key.
        ConfigurationError: The file cannot be read or written.
    """
    if path is None:
        return new_key()
    path = path.expanduser()
    try:
        if not path.exists():
            return _create(path)
        mode = path.stat().st_mode
        key = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"The API key file {path} cannot be used: {error}.",
            remedy="Give http.key_file a path this user can read and write.",
        ) from error
    if mode & 0o077:
        raise KeyRefusedError(
            f"The API key file {path} is open to other users.", remedy=f"Run: chmod 600 {path}"
        )
    if not KEY_FORM.fullmatch(key):
        raise KeyRefusedError(
            f"The API key file {path} holds no usable key.",
            remedy="Delete it: a new key is made at the next start.",
        )
    return key


def _create(path: Path) -> str:
    key = new_key()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(key + "\n", "ascii")
    return key


class KeyRing:
    """Checks keys and cookies, and mints one-time keys.

    Args:
        api_key: The secret that scripts send; also signs the cookies. It may operate.
        clock: Time, for the age of cookies.
        reader_key: A second secret that may only read; None for none.

    Raises:
        KeyRefusedError: Both keys are the same.
    """

    def __init__(self, api_key: str, clock: Clock, reader_key: str | None = None) -> None:
        self._digest = _digest(api_key)
        self._reader = None if reader_key is None else _digest(reader_key)
        if self._reader == self._digest:
            raise KeyRefusedError(
                "The reader's key is the API key: whoever may read could order.",
                remedy="Give http.reader_key_file a file of its own.",
            )
        self._signing = hashlib.blake2b(
            b"atomloop dashboard cookie", key=self._digest, digest_size=32
        ).digest()
        self._clock = clock
        self._one_time: OrderedDict[bytes, Rights] = OrderedDict()
        self.cookie_name: Final = f"atomloop-{self._digest.hex()[:8]}"
        """Browsers share cookies between ports of a host: the name tells services apart."""

    def admit_key(self, key: str) -> Admission | None:
        """Return what the owner of `key` may do, in constant time; None for a stranger."""
        digest = _digest(key)
        if hmac.compare_digest(digest, self._digest):
            return Admission("API key", "operate")
        if self._reader is not None and hmac.compare_digest(digest, self._reader):
            return Admission("reader key", "read")
        return None

    def mint_one_time_key(self, rights: Rights = "operate") -> str:
        """Return a new key that admits one browser, once.

        Args:
            rights: What that browser may do.
        """
        key = secrets.token_urlsafe(24)
        self._one_time[_digest(key)] = rights
        while len(self._one_time) > MAX_ONE_TIME_KEYS:
            self._one_time.popitem(last=False)
        return key

    def trade(self, one_time_key: str) -> str | None:
        """Burn a one-time key and return the cookie it is worth; None if it is worth nothing."""
        rights = self._one_time.pop(_digest(one_time_key), None)
        if rights is None:
            return None
        expires = self._clock.wall_ns() // NS_PER_S + COOKIE_AGE_S
        body = f"{rights}.{expires}.{secrets.token_urlsafe(12)}"
        return f"{body}.{self._sign(body)}"

    def admit_cookies(self, header: str) -> Admission | None:
        """Return what a Cookie header is worth: signed here and not expired, or None."""
        jar: SimpleCookie = SimpleCookie()
        try:
            jar.load(header)
        except CookieError:
            return None
        morsel = jar.get(self.cookie_name)
        return None if morsel is None else self._admit(morsel.value)

    def _admit(self, cookie: str) -> Admission | None:
        body, _, signature = cookie.rpartition(".")
        if not hmac.compare_digest(self._sign(body).encode(), signature.encode()):
            return None
        rights, expires, nonce = body.split(".")  # signed here: it has this form
        if self._clock.wall_ns() // NS_PER_S >= int(expires):
            return None
        # Cookies of earlier versions began with "1" and knew no rights but all of them.
        granted: Rights = "read" if rights == "read" else "operate"
        return Admission(f"browser {_digest(nonce).hex()[:6]}", granted)

    def _sign(self, body: str) -> str:
        return hashlib.blake2b(body.encode(), key=self._signing, digest_size=24).hexdigest()


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
