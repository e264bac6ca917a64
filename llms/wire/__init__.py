"""Formats, pure: bytes or values in, bytes or values out. Nothing here waits, reads a clock or opens a socket."""
