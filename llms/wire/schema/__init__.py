"""
JSON Schema, as far as the demo model needs it: whether a value is valid, and a value that is.

Source: https://json-schema.org/draft/2020-12
"""
