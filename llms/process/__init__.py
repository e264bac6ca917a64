"""The life of the process that serves: it starts, reads its configuration again when that changes, drains and ends."""
