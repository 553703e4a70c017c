"""The description, as schemathesis reads it: what it calls right is taken, what it calls wrong is
refused, and every reply is one that it names."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hydra.services.reap import reap
from hydra.web import create_app
from tests.http.working import bundle

schemathesis = pytest.importorskip("schemathesis")
checks = pytest.importorskip("schemathesis.specs.openapi.checks")

H = bundle()
SCHEMA = schemathesis.openapi.from_wsgi("/api/openapi.json", create_app(H))
OPERATIONS = {
    operation.label: operation
    for operation in (found.ok() for found in SCHEMA.get_all_operations())
}
LARGE = "GET /api/job_history/{job_id}"
"""The one request that is right and may still be refused: for a picture of many pixels."""


ASKED = [(label, "POSITIVE") for label in OPERATIONS] + [
    (label, "NEGATIVE")
    for label, operation in OPERATIONS.items()
    if operation.body or any(operation.iter_parameters())  # else nothing can be wrong
]


@pytest.mark.parametrize(("label", "mode"), ASKED)
def test_the_door_keeps_to_its_description(label, mode):
    operation = OPERATIONS[label]
    cases = operation.as_strategy(generation_mode=schemathesis.GenerationMode[mode])

    @given(data=st.data())
    @settings(
        max_examples=15,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def look(data):
        reap(H)  # or /readyz would miss it
        skipped = [checks.positive_data_acceptance] if label == LARGE else []
        data.draw(cases).call_and_validate(excluded_checks=skipped)

    look()
