import asyncio

import pytest

from llms.catalog import Catalog, Entry
from llms.errors import ModelNotFoundError, UpstreamUnreachableError
from llms.prices import Price, Prices
from llms.records import Model, Route, Target
from llms.terms import Capabilities
from tests.support.clock import Clock


class Service:
    """A provider that lists what it is told to."""

    def __init__(self, name, models, extra=None):
        self.name = name
        self.extra = extra or {}
        self.listed = models
        self.asked = 0
        self.go = None

    async def models(self):
        self.asked += 1
        if self.go is not None:
            await self.go.wait()
        if self.listed is None:
            message = "nobody there"
            raise UpstreamUnreachableError(message)
        return [Model(name, self.name, extra=self.extra) for name in self.listed]


async def targets(catalog, model):
    return (await catalog.route(model)).targets


@pytest.fixture
def clock():
    return Clock()


async def test_states(clock):
    """Each provider is on or off, with the reason, in the configuration's order."""
    entries = [
        Entry("openai", None, "OPENAI_API_KEY is not set"),
        Entry("groq", Service("groq", ["llama"]), "its key is set"),
        Entry("mistral", Service("mistral", None), "its key is set"),
        Entry("ollama", Service("ollama", None), "its server answers", local=True),
    ]
    catalog = Catalog(entries, {}, clock)
    await catalog.refresh()

    assert [
        ("openai", False, "OPENAI_API_KEY is not set"),
        ("groq", True, "its key is set"),
        ("mistral", True, "its key is set; its models are not known: nobody there"),
        ("ollama", False, "no server answers"),
    ] == [(state.name, state.on, state.reason) for state in catalog.states()]


async def test_local_server_is_off_until_it_answers(clock):
    """A server on this machine counts once it has answered."""
    catalog = Catalog([Entry("ollama", Service("ollama", ["q"]), "its server answers", local=True)], {}, clock)

    before = catalog.states()[0].on
    await catalog.refresh()

    assert (False, True) == (before, catalog.states()[0].on)


async def test_server_that_starts_later(clock):
    """A server that did not answer is asked again after a while, when somebody wants a model."""
    service = Service("ollama", None)
    catalog = Catalog([Entry("ollama", service, "its server answers", local=True)], {}, clock)
    await catalog.refresh()
    service.listed = ["q"]

    with pytest.raises(ModelNotFoundError):
        await targets(catalog, "q")
    clock.now += 11

    assert (Target("ollama", "q"),) == await targets(catalog, "q")
    assert 2 == service.asked


async def test_old_list_is_renewed_behind_the_call(clock):
    """A call uses the old list; the new one is asked for meanwhile."""
    service = Service("groq", ["llama"])
    catalog = Catalog([Entry("groq", service, "its key is set")], {}, clock)
    await catalog.refresh()
    clock.now += 301
    service.go = asyncio.Event()

    assert (Target("groq", "llama"),) == await targets(catalog, "llama")
    service.listed = ["qwen"]
    service.go.set()
    await catalog.refresh()

    assert (Target("groq", "qwen"),) == await targets(catalog, "qwen")
    await catalog.close()


async def test_asked_once_at_a_time(clock):
    """Many that want to know ask once."""
    service = Service("groq", ["llama"])
    catalog = Catalog([Entry("groq", service, "its key is set")], {}, clock)

    await asyncio.gather(*(catalog.refresh() for _ in range(20)))

    assert 1 == service.asked


async def test_models_of_the_configuration(clock):
    """A provider whose models are configured is not asked."""
    service = Service("mine", None)
    catalog = Catalog([Entry("mine", service, "ready", listed=("a", "b"))], {}, clock)

    assert (Target("mine", "b"),) == await targets(catalog, "b")
    await catalog.refresh()
    assert 0 == service.asked
    assert ["a", "b"] == [model.id for model in catalog.models()]


async def test_listing(clock):
    """Aliases come first, then each provider's models; a name that two serve is there once."""
    entries = [
        Entry("groq", Service("groq", ["llama", "qwen"]), "its key is set"),
        Entry("other", Service("other", ["qwen", "phi"]), "its key is set"),
        Entry("off", None, "no key"),
    ]
    catalog = Catalog(entries, {"fast": Route((Target("groq", "llama"),))}, clock)
    await catalog.refresh()

    assert [("fast", "llms"), ("llama", "groq"), ("qwen", "groq"), ("phi", "other")] == [
        (model.id, model.owned_by) for model in catalog.models()
    ]


async def test_closed_while_asking(clock):
    """Closing ends the asking."""
    service = Service("groq", ["llama"])
    service.go = asyncio.Event()
    catalog = Catalog([Entry("groq", service, "its key is set")], {}, clock)
    waiting = asyncio.create_task(catalog.refresh())
    await asyncio.sleep(0)

    await catalog.close()

    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_nothing_to_close(clock):
    """A catalog that never asked closes too."""
    await Catalog([], {}, clock).close()


async def test_service_that_does_not_answer(clock, monkeypatch):
    """A provider that does not answer in time stays on, its models unknown; nobody waits for it longer."""
    monkeypatch.setattr("llms.catalog._ASK_S", 0.05)
    service = Service("groq", ["llama"])
    service.go = asyncio.Event()
    catalog = Catalog([Entry("groq", service, "its key is set")], {}, clock)

    await catalog.refresh()

    assert (True, None) == (catalog.states()[0].on, catalog.states()[0].models)
    assert "no answer in" in catalog.states()[0].reason
    assert (Target("groq", "llama"),) == await targets(catalog, "llama")


async def test_names_that_nobody_can_ask_for(clock):
    """Names that no request can hold are left out of the list."""
    service = Service("odd", ["good", "a\nb", "\ud800", "x" * 100_000, ""])
    catalog = Catalog([Entry("odd", service, "ready")], {}, clock)
    await catalog.refresh()

    assert ["good"] == [model.id for model in catalog.models()]


LISTED = {"pricing": {"prompt": "0.000001", "completion": "0.000002"}, "context_length": 7}


async def test_facts_beside_the_list(clock):
    """A model that its provider's list says nothing of is shown with what the catalogue knows; the list comes first."""
    prices = Prices({"own/x": Price(1_000_000, 0)}, {"gpt": "openai"})
    services = [
        Service("gpt", ["gpt-4o", "nobody-knows"]),
        Service("list", ["y"], LISTED),
        Service("own", ["x"], LISTED),
    ]
    catalog = Catalog([Entry(one.name, one, "its key is set") for one in services], {}, clock, prices=prices)
    await catalog.refresh()

    shown = {model.id: model.extra for model in catalog.models()}

    assert (128_000, "0.0000025") == (shown["gpt-4o"]["context_length"], shown["gpt-4o"]["pricing"]["prompt"])
    assert {} == shown["nobody-knows"]
    assert LISTED == shown["y"]
    assert {**LISTED, "pricing": {"prompt": "0.000001", "completion": "0"}} == shown["x"]
    assert Price(1_000_000, 2_000_000) == prices.of(Target("list", "y"))


async def test_facts_of_aliases(clock):
    """A name of the configuration is shown with what is known of the first model that it stands for."""
    other = Target("gpt", "gpt-4o")
    routes = {
        "known": Route((other, Target("list", "y"))),
        "listed": Route((Target("list", "y"), other)),
        "said": Route((Target("list", "y", can=Capabilities(context=5)),)),
        "gpt-4o": Route((Target("list", "unlisted"),)),
    }
    services = [Service("gpt", None), Service("list", ["y"], LISTED)]
    entries = [Entry(one.name, one, "its key is set") for one in services]
    catalog = Catalog(entries, routes, clock, prices=Prices({}, {"gpt": "openai"}))
    before = {model.id: model.extra for model in catalog.models()}
    await catalog.refresh()
    shown = {model.id: model.extra for model in catalog.models()}

    assert 128_000 == before["known"]["context_length"] == shown["known"]["context_length"]
    assert ({}, LISTED) == (before["listed"], shown["listed"])
    assert {**LISTED, "context_length": 5} == shown["said"]
    assert {} == shown["gpt-4o"]


async def test_prices_of_a_newer_list(clock):
    """A newer list's price takes the place of the older one's; a catalog that follows another knows what that knew."""
    prices = Prices()
    service = Service("list", ["y"], LISTED)
    entries = [Entry("list", service, "its key is set")]
    catalog = Catalog(entries, {}, clock, prices=prices)
    await catalog.refresh()
    service.extra = {"pricing": {"prompt": "0.000005", "completion": "0.000002"}}
    clock.now += 301
    await catalog.refresh()
    later = Prices()
    after = Catalog(entries, {}, clock, before=catalog, prices=later)

    assert Price(5_000_000, 2_000_000) == prices.of(Target("list", "y")) == later.of(Target("list", "y"))
    assert [service.extra] == [model.extra for model in catalog.models()] == [model.extra for model in after.models()]
