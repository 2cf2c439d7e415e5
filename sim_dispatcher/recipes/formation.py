"""Formation energy: what it costs to turn pristine graphene into the defect.

    E(defect) - E(pristine twin, same rim) - sum over elements of delta n * mu

Both clusters are relaxed alike, so that rim and caps cancel. Delta n counts atoms of the defect's
cluster beyond the twin's; mu is the energy per atom in the element's reservoir.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from shared.messages.simulation import Reference
from sim_dispatcher.levels import Level
from sim_dispatcher.structure.cluster import Cluster
from sim_dispatcher.structure.pristine import NoTwin, pristine_twin

__all__ = ["Exchange", "chemical_potentials", "plan_exchange", "reference_of"]


@dataclass(frozen=True, eq=False)
class Exchange:
    """How a defect is made from its twin.

    Attributes:
        twin: Pristine cluster with the same rim.
        added: Atoms gained (positive) or lost (negative) by element; zeros left out.
        mu_eV: Chemical potential of those elements, eV.
        note: Where they come from, in words.
    """

    twin: Cluster
    added: dict[str, int]
    mu_eV: dict[str, float]
    note: str

    def formation_eV(self, defect_eV: float, pristine_eV: float) -> float:
        """Return the formation energy, eV.

        Args:
            defect_eV: Total energy of the relaxed defect, eV.
            pristine_eV: Total energy of the relaxed twin, eV.
        """
        paid = sum(n * self.mu_eV[element] for element, n in self.added.items())
        return defect_eV - pristine_eV - paid


@cache
def chemical_potentials() -> dict[str, Any]:
    """Return the shipped table that `sim_dispatcher.recipes.reservoirs` makes."""
    text = files("sim_dispatcher.recipes").joinpath("potentials.json").read_text("utf-8")
    table: dict[str, Any] = json.loads(text)
    return table


def plan_exchange(cluster: Cluster, level: Level) -> Exchange | NoTwin:
    """Find the twin and the reservoirs, or the reason why there is no formation energy."""
    if not level.can_react:
        return NoTwin(f"level {level.name} has no meaningful one")
    table = chemical_potentials()
    known: dict[str, float] = table["mu_eV"].get(level.name, {})
    if cluster.charge:
        return NoTwin("a charged cluster's depends on where its electrons go")
    twin = pristine_twin(cluster)
    if isinstance(twin, NoTwin):
        return twin
    gained = Counter(cluster.symbols)
    gained.subtract(Counter(twin.symbols))
    added = {element: n for element, n in sorted(gained.items()) if n}
    missing = sorted(set(added) - set(known))
    if missing:
        return NoTwin(f"level {level.name} has no sound chemical potential of {', '.join(missing)}")
    sources = "; ".join(f"{element}: {table['notes'][element]}" for element in added)
    note = f"{sources or 'No atoms exchanged'}. By {table['software']} at {level.name}."
    return Exchange(twin, added, {element: known[element] for element in added}, note)


def reference_of(exchange: Exchange, pristine_eV: float, level: Level) -> Reference:
    """Return what a formation energy is measured against, as it travels."""
    return Reference(
        pristine_eV=pristine_eV, mu_eV=exchange.mu_eV, level=level.name, note=exchange.note
    )
