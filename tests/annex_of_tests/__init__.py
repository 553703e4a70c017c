"""An annex that has one of each kind, for tests."""

from hydra.model.annex import Annex

HERE = "tests.annex_of_tests.things"

ANNEX = Annex(
    routes=(f"{HERE}:GreetingRoutes",),
    pages=(f"{HERE}:pages",),
    commands={"greet": f"{HERE}:greet"},
    metrics=(f"{HERE}:Greetings",),
    scenarios={"greeting": f"{HERE}:FLEET"},
    wires=(f"{HERE}:wired",),
)
