/** What a job returned: never a bare number, always its reference, level and convergence. */

import type { AnswerView, BondStatistics, Reference, SimulationResult } from "../generated/messages.js";
import { store } from "../state/store.js";
import { age, fixed } from "./figures.js";
import { structurePath } from "./structure_panel.js";

export function AnswerCard({ answer }: { answer: AnswerView }) {
  const { result } = answer;
  const choice = { roi: answer.roi, level: result.level, title: answer.roi };
  return (
    <section class="answer" aria-label={`Answer at level ${result.level}`} data-testid="answer">
      <p class="answer-head">
        <b>{result.recipe}</b> at level <b>{result.level}</b>
        {result.converged ? null : <span class="badge failed">✕ not converged</span>}
      </p>
      <dl class="energies">
        <Formation result={result} />
        <div>
          <dt>Total energy</dt>
          <dd>{fixed(result.energy_eV, 3)} eV</dd>
        </div>
      </dl>
      <Bonds bonds={result.bonds_A} />
      <p class="aside">
        Rings {census(result.rings["before"])} → {census(result.rings["after"])}
      </p>
      <p class="aside">
        {result.converged ? "Converged" : "Stopped"} after {result.steps} steps, largest force{" "}
        {fixed(result.fmax_eV_A, 4)} eV/Å, {age(result.wall_s)} · {answer.provenance.software}
      </p>
      <p class="answer-actions">
        <a class="download" href={structurePath(choice)} download>
          Download structure (extxyz)
        </a>
        {(["cif", "poscar"] as const).map((form) => (
          <a key={form} class="download" href={`${structurePath(choice)}&format=${form}`} download>
            {form}
          </a>
        ))}
        <button class="download" type="button" onClick={() => store.set({ structure: choice })}>
          Show in 3D
        </button>
      </p>
    </section>
  );
}

function Formation({ result }: { result: SimulationResult }) {
  if (result.formation_eV === null) {
    return (
      <div>
        <dt>Formation energy</dt>
        <dd>
          not defined at this level
          <span class="note">{result.level} reports geometry</span>
        </dd>
      </div>
    );
  }
  return (
    <div class="formation">
      <dt>Formation energy</dt>
      <dd>
        <span class="energy">{fixed(result.formation_eV, 3)} eV</span>
        <span class="note">{uncertainty(result)}</span>
        {result.reference === null ? (
          <span class="note warn">reference not stated</span>
        ) : (
          <ReferenceView reference={result.reference} />
        )}
      </dd>
    </div>
  );
}

function uncertainty(result: SimulationResult): string {
  if (result.uncertainty === null) return "error not yet estimated";
  const parts = Object.entries(result.uncertainty);
  return `± ${parts.map(([name, value]) => `${fixed(value, 3)} eV (${name})`).join(" ± ")}`;
}

function ReferenceView({ reference }: { reference: Reference }) {
  const potentials = Object.entries(reference.mu_eV)
    .map(([element, value]) => `μ(${element}) = ${fixed(value, 3)} eV`)
    .join(", ");
  return (
    <span class="note">
      Reference ({reference.level}): pristine cluster, same rim, {fixed(reference.pristine_eV, 3)} eV
      {potentials === "" ? "" : `; ${potentials}`}. {reference.note}
    </span>
  );
}

function Bonds({ bonds }: { bonds: Readonly<Record<string, BondStatistics>> }) {
  return (
    <table class="bonds">
      <caption>Bond lengths, Å</caption>
      <thead>
        <tr>
          <th scope="col">bond</th>
          <th scope="col">mean</th>
          <th scope="col">min–max</th>
          <th scope="col">n</th>
        </tr>
      </thead>
      <tbody>
        {Object.entries(bonds).map(([kind, bond]) => (
          <tr key={kind}>
            <th scope="row">{kind}</th>
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

function census(rings: Readonly<Record<string, number>> | undefined): string {
  const entries = Object.entries(rings ?? {}).sort((a, b) => Number(a[0]) - Number(b[0]));
  return entries.length === 0 ? "none" : entries.map(([size, n]) => `${n}×${size}`).join(" ");
}
