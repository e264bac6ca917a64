"""
The ledger: exactly one row for each call, on its way to the store.

A row is appended to a file before its call's last byte is sent, so that a process that is killed loses none that a
client has seen the end of. From there it goes to the store with all others that wait, a few times a second, beside the
calls. What a killed process left behind is taken up by the next one; the store takes each id once.
"""

from llms.ledger.ledger import Ledger
from llms.ledger.leftovers import left_behind
from llms.ledger.rows import row
from llms.ledger.spool import Spool

__all__ = ["Ledger", "Spool", "left_behind", "row"]
