"""An OpenAI-compatible gateway: one URL, one key and one record per call, for every provider."""

__version__ = "0.1.0"
