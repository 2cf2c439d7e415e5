/** The energies of an answer: never bare, always with error bar, reference and unit. */

import type { AnswerView, Reference, SimulationResult } from "../../generated/messages.js";
import { levelName } from "../../orders/menu.js";
import { fixed } from "../figures.js";
import { ErrorBar, NoBarYet, type Parts, TOTAL } from "./error_bar.js";

export function Energies({ answer, parts }: { answer: AnswerView; parts: Parts | null }) {
  const { result } = answer;
  return (
    <dl class="energies">
      {ownEnergy(result) ? null : <Formation answer={answer} parts={parts} />}
      {parts === null ? null : (
        <div class="wide">
          <dt>Where the error comes from</dt>
          <dd>
            <ErrorBar parts={parts} />
          </dd>
        </div>
      )}
      <div>
        <dt>Total energy</dt>
        <dd>
          {fixed(result.energy_eV, 3)} eV
          {result.charge === 0 && result.unpaired === 0 ? null : (
            <span class="note">
              charge {fixed(result.charge, 0)} e, {result.unpaired} unpaired
            </span>
          )}
        </dd>
      </div>
    </dl>
  );
}

/** Whether a recipe answers with an energy of its own, which its report shows. */
export function ownEnergy(result: SimulationResult): boolean {
  return result.report?.kind === "adsorption" || result.report?.kind === "barrier";
}

function Formation({ answer, parts }: { answer: AnswerView; parts: Parts | null }) {
  const { result } = answer;
  if (result.formation_eV === null) {
    return (
      <div>
        <dt>Formation energy</dt>
        <dd>
          not defined at this level
          <span class="note">{levelName(result.level)} reports geometry</span>
        </dd>
      </div>
    );
  }
  return (
    <div class="formation">
      <dt>Formation energy</dt>
      <dd>
        <span class="energy">{fixed(result.formation_eV, 3)} eV</span>
        {parts?.[TOTAL] === undefined ? (
          <NoBarYet answer={answer} />
        ) : (
          <span class="energy-error"> ± {fixed(parts[TOTAL], 3)} eV</span>
        )}
        {result.reference === null ? (
          <span class="note warn">reference not stated</span>
        ) : (
          <ReferenceView reference={result.reference} />
        )}
      </dd>
    </div>
  );
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
