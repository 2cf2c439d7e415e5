"""How the digests of a provenance chain are made: both ends of the wire compute the same ones.

Every digest is BLAKE3 in lower-case hexadecimal. A frame's is `shared.codec.frame_name`, a
file's is that of its bytes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from blake3 import blake3

from shared.messages import ATOM, AtomTable, Attachment

__all__ = ["atoms_digest", "bytes_digest", "outputs_digest", "text_digest"]


def bytes_digest(content: bytes) -> str:
    """Return the digest of a file's content."""
    return blake3(content).hexdigest()


def text_digest(text: str) -> str:
    """Return the digest of a text as UTF-8: a structure as extended XYZ, a specification."""
    return bytes_digest(text.encode())


def atoms_digest(table: AtomTable) -> str:
    """Return the digest of a frame's atom records as they travel on the wire.

    Args:
        table: (n_atoms,) records of `shared.messages.ATOM`.
    """
    return bytes_digest(np.ascontiguousarray(table, ATOM).tobytes())


def outputs_digest(structure: str, attachments: Sequence[Attachment]) -> str:
    """Return the digest of everything a job returned.

    Args:
        structure: The final structure as extended XYZ.
        attachments: In the order of the answer.

    Returns:
        Digest of the structure's and the attachments' digests, joined by line feeds.
    """
    return text_digest("\n".join([text_digest(structure), *(a.digest for a in attachments)]))
