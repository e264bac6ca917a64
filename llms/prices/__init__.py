"""
What models cost, and what else is known of them; pure.

A price is in micro-dollars for a million tokens, which is dollars for a million times a million: an integer for every
price that anybody asks. What a call costs is rounded once, to whole micro-dollars, half up.
"""

from llms.prices.catalogue import Prices
from llms.prices.price import Price, cost, most

__all__ = ["Price", "Prices", "cost", "most"]
