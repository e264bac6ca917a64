"""The HTTP server side: routes, guards, reading requests and writing answers. aiohttp's server is used only here."""
