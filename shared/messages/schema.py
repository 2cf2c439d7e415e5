"""The JSON schema of every message, generated: `python -m shared.messages.schema`.

`docs/reference/messages.json` holds its output; a test compares the two, so that no message
changes unnoticed.
"""

from __future__ import annotations

import json
import sys

from pydantic.json_schema import models_json_schema

from shared import messages
from shared.messages import Message

__all__ = ["main", "message_schema"]


def message_schema() -> str:
    """Describe every message type as one JSON schema document.

    Returns:
        Indented JSON with sorted keys, each message under `$defs`, ending in a newline.
    """
    members = (getattr(messages, name) for name in messages.__all__)
    types = [
        cls
        for cls in members
        if isinstance(cls, type) and issubclass(cls, Message) and cls is not Message
    ]
    _, document = models_json_schema(
        [(cls, "validation") for cls in types], title="AtomLoop messages"
    )
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def main() -> None:
    """Write the schema to standard output."""
    sys.stdout.write(message_schema())


if __name__ == "__main__":
    main()
