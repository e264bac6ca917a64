"""The ends of answers, each of which is sent once its call is written down: those of one turn of the loop together."""

import asyncio

from llms.web.services import Live


class Outbox:
    """
    Sends the ends of answers.

    No client has seen the end of an answer whose call is not on the disk. To write each call by itself takes longer
    than to write all that have ended in this turn of the loop, whose clients wait for a few microseconds more.

    Args:
        live: Has what writes calls down.
    """

    def __init__(self, live: Live) -> None:
        self._live = live
        self._due: list[tuple[asyncio.Transport, bytes]] = []

    def send(self, transport: asyncio.Transport, data: bytes) -> None:
        """Send the last bytes of an answer."""
        if self._live.now.services.written is None:
            transport.write(data)
            return
        if not self._due:
            asyncio.get_running_loop().call_soon(self.flush)
        self._due.append((transport, data))

    def flush(self) -> None:
        """Send what is due at once: before anything else is done to one of the connections."""
        due, self._due = self._due, []
        if due and (written := self._live.now.services.written) is not None:
            written()
        for transport, data in due:
            if not transport.is_closing():
                transport.write(data)
