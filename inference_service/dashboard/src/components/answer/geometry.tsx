/** What the calculation did to the atoms: how far they moved, their rings, their bonds. */

import type {
  BondStatistics,
  Disagreement,
  Displacement,
  SimulationResult,
} from "../../generated/messages.js";
import { levelName } from "../../orders/menu.js";
import { fixed } from "../figures.js";

/** Moves larger than so many standard errors are more than the detector's doubt. */
const SIGNIFICANT = 2;

export function Moved({ moved }: { moved: Displacement }) {
  const { sigma_A: sigma } = moved;
  const ratio = sigma === null || sigma === 0 ? null : moved.rms_A / sigma;
  return (
    <div class="fact">
      <dt>Detected → relaxed</dt>
      <dd>
        {fixed(moved.rms_A, 3)} Å rms
        <span class="note">
          {sigma === null
            ? "the detector's σ is not known"
            : `σ lets expect ${fixed(sigma, 3)} Å${ratio === null ? "" : verdict(ratio)}`}
          ; {moved.n_atoms} atoms, one axis, rigidly aligned
        </span>
        <span class="note" title={moved.note}>
          as the paper counts: {fixed(moved.percent_x, 2)} % in x, {fixed(moved.percent_y, 2)} % in y
        </span>
      </dd>
    </div>
  );
}

function verdict(ratio: number): string {
  return ratio <= SIGNIFICANT ? ": within it" : `: ${fixed(ratio, 1)} times as far`;
}

/** What this level says differently from the one below it. */
export function Levels({ disagreement, level }: { disagreement: Disagreement; level: string }) {
  const { below, formation_eV: energy, bond_A, rms_A, same_rings } = disagreement;
  return (
    <div class="fact" data-testid="disagreement">
      <dt>Against {levelName(below)}</dt>
      <dd>
        {energy === null ? "no energies to compare" : `${signed(energy)} eV`}
        <span class="note">
          atoms {fixed(rms_A, 3)} Å rms, mean bonds up to {fixed(bond_A, 3)} Å,{" "}
          {same_rings ? "the same rings" : <b class="differs">other rings than {levelName(level)}</b>}
        </span>
      </dd>
    </div>
  );
}

function signed(value: number): string {
  return value > 0 ? `+${fixed(value, 3)}` : fixed(value, 3);
}

/** Rings by size before and after, what changed marked. */
export function Rings({ rings }: { rings: SimulationResult["rings"] }) {
  const before = rings["before"] ?? {};
  const after = rings["after"] ?? {};
  const sizes = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort(
    (a, b) => Number(a) - Number(b),
  );
  const same = sizes.every((size) => before[size] === after[size]);
  return (
    <div class="fact">
      <dt>Rings</dt>
      <dd>
        {census(before)}
        {same ? <span class="note">unchanged by the calculation</span> : <> → <b>{census(after)}</b></>}
      </dd>
    </div>
  );
}

function census(rings: Readonly<Record<string, number>>): string {
  const entries = Object.entries(rings).sort((a, b) => Number(a[0]) - Number(b[0]));
  return entries.length === 0 ? "none" : entries.map(([size, n]) => `${n}×${size}`).join(" ");
}

export function Bonds({
  bonds,
  caption = "Bond lengths, Å",
  kind = "bond",
}: {
  bonds: Readonly<Record<string, BondStatistics>>;
  caption?: string;
  kind?: string;
}) {
  if (Object.keys(bonds).length === 0) return null;
  return (
    <table class="bonds">
      <caption>{caption}</caption>
      <thead>
        <tr>
          <th scope="col">{kind}</th>
          <th scope="col">mean</th>
          <th scope="col">min–max</th>
          <th scope="col">n</th>
        </tr>
      </thead>
      <tbody>
        {Object.entries(bonds).map(([name, bond]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>{fixed(bond.mean, 3)}</td>
            <td>
              {fixed(bond.min, 3)}–{fixed(bond.max, 3)}
            </td>
            <td>{bond.n}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
