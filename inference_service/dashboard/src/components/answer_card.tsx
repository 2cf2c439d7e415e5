/** What a job returned: never a bare number, always its error, reference, level and convergence. */

import type { AnswerView, RoiView } from "../generated/messages.js";
import { levelName, recipeName } from "../orders/menu.js";
import { Downloads } from "./answer/downloads.js";
import { Energies, ownEnergy } from "./answer/energies.js";
import { type Parts, partsOf, TOTAL } from "./answer/error_bar.js";
import { Bonds, Levels, Moved, Rings } from "./answer/geometry.js";
import { Pictures } from "./answer/pictures.js";
import { ProvenanceView } from "./answer/provenance_view.js";
import { ReportView } from "./answer/reports.js";
import { SideBySide } from "./answer/side_by_side.js";
import { age, fixed } from "./figures.js";

interface AnswerProps {
  readonly answer: AnswerView;
  readonly roi: RoiView;
  /** All answers of the ROI: the error bar may come in one of its own. */
  readonly siblings: readonly AnswerView[];
}

export function AnswerCard({ answer, roi, siblings }: AnswerProps) {
  const { result, disagreement } = answer;
  const parts = partsOf(answer, siblings);
  return (
    <section class="answer" aria-label={`${recipeName(result.recipe)} at level ${levelName(result.level)}`} data-testid="answer">
      {result.converged ? null : (
        <p class="answer-head">
          <span class="badge failed">✕ not converged</span>
        </p>
      )}
      <ReportView answer={answer} parts={parts} />
      <Energies answer={answer} parts={parts} />
      <SideBySide answer={answer} roi={roi} />
      <Pictures answer={answer} />
      <dl class="facts">
        {result.moved === null ? null : <Moved moved={result.moved} />}
        {disagreement === null ? null : <Levels disagreement={disagreement} level={result.level} />}
        <Rings rings={result.rings} />
      </dl>
      <Bonds bonds={result.bonds_A} />
      <p class="aside">
        {result.converged ? "Converged" : "Stopped"} after {result.steps} steps, largest force{" "}
        {fixed(result.fmax_eV_A, 4)} eV/Å, {age(result.wall_s)} ({age(result.cpu_s)} of CPU) ·{" "}
        {answer.provenance.software}
        {answer.provenance.settings === null ? "" : ` · ${answer.provenance.settings}`}
      </p>
      <ProvenanceView answer={answer} />
      <Downloads answer={answer} title={answer.roi} />
    </section>
  );
}

/** One line for an answer that is not opened. */
export function summary(answer: AnswerView, siblings: readonly AnswerView[]): string {
  const { result } = answer;
  const parts = partsOf(answer, siblings);
  const { report } = result;
  if (report?.kind === "adsorption") return `binds ${report.adsorbate} with ${energy(report.binding_eV, parts)}`;
  if (report?.kind === "barrier") return `barrier ${energy(report.barrier_eV, parts)}`;
  if (report?.kind === "dynamics") return `${fixed(report.done_fs, 0)} fs at ${fixed(report.temperature_K, 0)} K`;
  if (result.formation_eV !== null) return energy(result.formation_eV, parts);
  return "geometry";
}

/** The newest formation energy among a ROI's answers; null where there is none. */
export function headline(answers: readonly AnswerView[]): string | null {
  const answer = answers.find(
    ({ result }) => result.formation_eV !== null && !ownEnergy(result),
  );
  return answer === undefined ? null : summary(answer, answers);
}

function energy(value: number, parts: Parts | null): string {
  const total = parts?.[TOTAL];
  return `${fixed(value, 2)}${total === undefined ? "" : ` ± ${fixed(total, 2)}`} eV`;
}
