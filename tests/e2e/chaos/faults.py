"""Every fault by its name: importing the files that hold them puts them into the list."""

from __future__ import annotations

from tests.e2e.chaos import process_faults as process_faults
from tests.e2e.chaos import server_faults as server_faults
from tests.e2e.chaos import wire_faults as wire_faults
from tests.e2e.chaos.scene import FAULTS as FAULTS
from tests.e2e.chaos.scene import Fault as Fault
