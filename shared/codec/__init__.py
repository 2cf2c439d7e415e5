"""Bytes to messages and back: the wire format, in pure functions.

One multipart message is ``[prefix][MessagePack header][payload]...``. The prefix is 16 bytes,
little-endian: kind (u8), version (u8), zero (u16), CRC-32 (u32) over prefix, header and payload
with the CRC field at zero, sequence number (u64; 0 = outside the sequenced streams).
"""

from shared.codec.atoms import decode_atoms, encode_atoms
from shared.codec.digests import atoms_digest, bytes_digest, outputs_digest, text_digest
from shared.codec.envelope import MAX_HEADER_BYTES, Envelope, decode, encode
from shared.codec.frames import decode_frame, encode_pixels, frame_name
from shared.codec.kinds import PROTOCOL_VERSION

__all__ = [
    "MAX_HEADER_BYTES",
    "PROTOCOL_VERSION",
    "Envelope",
    "atoms_digest",
    "bytes_digest",
    "decode",
    "decode_atoms",
    "decode_frame",
    "encode",
    "encode_atoms",
    "encode_pixels",
    "frame_name",
    "outputs_digest",
    "text_digest",
]
