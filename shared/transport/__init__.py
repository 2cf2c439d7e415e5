"""The frame link on real sockets: ZeroMQ, CURVE always on, identities by key.

The only package that imports zmq. The listening side binds one ROUTER; edges and dispatchers
dial it with a DEALER each, so a site needs one firewall rule.
"""

from shared.transport.client import Endpoint, LinkClient
from shared.transport.dialling import DialSettings, open_endpoint
from shared.transport.keys import KeyPair, create_keys, load_keys, load_public_key
from shared.transport.peers import AllowList, Peer
from shared.transport.server import LinkServer, Listener, PeerHandler

__all__ = [
    "AllowList",
    "DialSettings",
    "Endpoint",
    "KeyPair",
    "LinkClient",
    "LinkServer",
    "Listener",
    "Peer",
    "PeerHandler",
    "create_keys",
    "load_keys",
    "load_public_key",
    "open_endpoint",
]
