"""
What ``llms bench`` measures: how the chunks of streams arrive, what lies between, and how two URLs differ.

``client`` and ``run`` speak to servers; everything else takes times and bytes and is pure. Nothing here knows the
gateway: any OpenAI-compatible URL is measured the same way.
"""
