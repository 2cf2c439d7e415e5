"""The sample under the simulated beam: graphene with defects, and how a beam sees it.

Numpy only. What is in the sample (`Specimen.truth`) is for tests and never goes on the wire.
Vectors are (row, column), Å, unless a name says otherwise.
"""

from edge_agent.sources.specimen.exposure import Exposure, Probe, ScanJitter, expose
from edge_agent.sources.specimen.field import mixed_defect_field
from edge_agent.sources.specimen.sample import Specimen, TrueDefect, Truth
from edge_agent.sources.specimen.view import View

__all__ = [
    "Exposure",
    "Probe",
    "ScanJitter",
    "Specimen",
    "TrueDefect",
    "Truth",
    "View",
    "expose",
    "mixed_defect_field",
]
