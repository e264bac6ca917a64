"""Which addresses may be connected to."""

import pytest

from llms import egress

PUBLIC = [
    "93.184.216.34",
    "2606:2800:220:1::1",
    "64:ff9b::5db8:d822",
    "100.64.0.1",
    "198.18.0.7",
    "::ffff:93.184.216.34",
]

PRIVATE = [
    "127.0.0.1",
    "127.9.9.9",
    "0.0.0.0",
    "10.1.2.3",
    "172.31.0.1",
    "192.168.1.1",
    "::1",
    "::",
    "fd12::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::7f00:1",
    "2002:7f00:1::",
    "2002:c0a8:101::1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::a00:1",
    "2001:0:4136:e378:8000:63bf:f5ff:fffe",  # Teredo, of the client 10.0.0.1
    "2001:0:7f00:1:8000:63bf:3fff:fdd2",  # Teredo, through the server 127.0.0.1
]

REFUSED = [
    "169.254.169.254",
    "169.254.0.1",
    "fe80::1",
    "fe80::1%eth0",
    "fe80::a9fe:a9fe",
    "fd00:ec2::254",
    "fd20:ce::254",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "::ffff:169.254.169.254",
    "2002:a9fe:a9fe::",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a9fe:a9fe",
]


@pytest.mark.case("U60")
@pytest.mark.parametrize("address", PUBLIC)
def test_public(address):
    """A public address is good for everything."""
    assert [address] == egress.allowed([address], public_only=True)
    assert not egress.refused(address)


@pytest.mark.case("U60")
@pytest.mark.parametrize("address", PRIVATE)
def test_private(address):
    """A private address, however it is wrapped, is good where the operator means it."""
    assert [] == egress.allowed([address], public_only=True)
    assert [address] == egress.allowed([address], public_only=False)
    assert not egress.refused(address)


@pytest.mark.case("U60")
@pytest.mark.parametrize("address", REFUSED)
def test_refused(address):
    """A link-local or metadata address is good for nothing."""
    assert [] == egress.allowed([address], public_only=False)
    assert egress.refused(address)


def test_some_are_left():
    """Of several addresses the good ones are left, in their order."""
    mixed = ["fe80::1", "192.168.1.1", "93.184.216.34", "169.254.169.254", "2606:2800:220:1::1"]

    assert mixed[1:3] + mixed[4:] == egress.allowed(mixed, public_only=False)
    assert ["93.184.216.34", "2606:2800:220:1::1"] == egress.allowed(mixed, public_only=True)


@pytest.mark.parametrize(
    ("host", "public"),
    [
        ("api.openai.com", True),
        ("llm.corp.example.com.", True),
        ("localhost.evil.com", True),
        ("localhost", False),
        ("ollama.localhost", False),
        ("gpu-box", False),
        ("gpu-box.local", False),
        ("GPU-BOX.LAN.", False),
        ("host.docker.internal", False),
        ("nas.home.arpa", False),
        ("127.0.0.1", False),
        ("93.184.216.34", False),
        ("::1", False),
        ("fe80::1%25eth0", False),
        ("", False),
    ],
)
def test_public_name(host, public):
    """A name that the whole world knows is held to public addresses; a local one, or an address, is not."""
    assert public is egress.public_name(host)
