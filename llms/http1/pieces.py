"""What has arrived of a body and was not yet taken."""

READ_BYTES = 64 << 10
"""The largest piece. A burst is cut into such, so that no stream holds up the others or piles up in memory."""


class Pieces:
    """A queue of bytes that are taken in pieces of at most ``READ_BYTES``."""

    __slots__ = ("_queue", "length")

    def __init__(self) -> None:
        self._queue: list[bytes] = []  # a deque has ten times the size, and reading pauses before there are many
        self.length = 0
        """In bytes."""

    def add(self, data: bytes) -> None:
        """Put ``data`` behind what is there."""
        self.length += len(data)
        if len(data) <= READ_BYTES:
            self._queue.append(data)
        else:
            self._queue.extend(data[at : at + READ_BYTES] for at in range(0, len(data), READ_BYTES))

    def take(self) -> bytes:
        """Take as much as makes one piece; there is something."""
        queue = self._queue
        piece = queue.pop(0)
        if queue and len(piece) + len(queue[0]) <= READ_BYTES:
            joined, length = [piece], len(piece)
            while queue and length + len(queue[0]) <= READ_BYTES:
                length += len(queue[0])
                joined.append(queue.pop(0))
            piece = b"".join(joined)
        self.length -= len(piece)
        return piece

    def clear(self) -> None:
        """Drop it all."""
        self._queue.clear()
        self.length = 0
