"""What msgspec must know of our structs before threads begin.

It looks at a struct when one is decoded for the first time, and the process dies where two threads do that at once.
"""

from __future__ import annotations

import msgspec


def know_structs() -> None:
    """Have every struct that is defined by now looked at; it takes some milliseconds."""
    waiting = [msgspec.Struct]
    while waiting:
        for each in waiting.pop().__subclasses__():
            waiting.append(each)
            msgspec.json.Decoder(each)
