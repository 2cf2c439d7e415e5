/** The error bar of an energy, taken apart into its named parts; or plainly, that there is none. */

import type { AnswerView, JobView } from "../../generated/messages.js";
import { useStore } from "../../state/store.js";
import { fixed, percent } from "../figures.js";

export type Parts = Readonly<Record<string, number>>;

export const TOTAL = "total_eV";

const NAMES: Readonly<Record<string, string>> = {
  alternatives_eV: "other readings of the image",
  alternatives_left_out_share: "readings left out",
  starts_eV: "starting points within σ",
  size_eV: "size of the cluster",
  numerics_eV: "convergence",
  reservoir_eV: "chemical potentials",
  levels_eV: "disagreement with the level below",
  topology_share: "starts that end otherwise bonded",
  topology_error_share: "its standard error",
};

const WAITING: readonly JobView["state"][] = ["reserved", "staged", "queued"];

/** An answer's own parts, else those that the ROI's error-bar job brought at the same level. */
export function partsOf(answer: AnswerView, siblings: readonly AnswerView[]): Parts | null {
  const bar = siblings.find(
    ({ result }) => result.recipe === "error_bar" && result.level === answer.result.level,
  );
  return answer.result.uncertainty ?? bar?.result.uncertainty ?? null;
}

/** The parts in eV as bars on one scale, the shares as percentages. */
export function ErrorBar({ parts }: { parts: Parts }) {
  const entries = Object.entries(parts).filter(([name]) => name !== TOTAL);
  const total = parts[TOTAL] ?? 0;
  const energies = entries.filter(([name]) => name.endsWith("_eV")).sort((a, b) => b[1] - a[1]);
  const others = entries.filter(([name]) => !name.endsWith("_eV"));
  const longest = Math.max(total, ...energies.map(([, value]) => value), 1e-9);
  return (
    <dl class="parts" aria-label="Parts of the error bar" data-testid="error-parts">
      {energies.map(([name, value]) => (
        <div key={name}>
          <dt>{partName(name)}</dt>
          <dd>
            <span class="part-bar" style={{ width: `${(72 * value) / longest}px` }} />
            <span class="part-value">{value > 0 && value < 0.0005 ? "< 0.001" : fixed(value, 3)} eV</span>
          </dd>
        </div>
      ))}
      {others.map(([name, value]) => (
        <div key={name}>
          <dt>{partName(name)}</dt>
          <dd>
            <span class="part-value">{withUnit(name, value)}</span>
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** Why there is no bar, and when to expect one. */
export function NoBarYet({ answer }: { answer: AnswerView }) {
  const jobs = useStore((state) => state.jobs);
  const job = [...jobs.values()].find(
    ({ roi, recipe, level, state }) =>
      roi === answer.roi &&
      recipe === "error_bar" &&
      level === answer.result.level &&
      (state === "running" || WAITING.includes(state)),
  );
  const step = job?.step ?? null;
  const how = job?.state === "running" ? (step === null ? "running" : `running, step ${step}`) : "queued";
  return (
    <span class="note" data-testid="no-bar">
      no error bar yet{job === undefined ? "" : `: its job is ${how}`}
    </span>
  );
}

function partName(name: string): string {
  return NAMES[name] ?? name.replace(/_(eV|share|A)$/, "").replaceAll("_", " ");
}

function withUnit(name: string, value: number): string {
  if (name.endsWith("_share")) return percent(value);
  return name.endsWith("_A") ? `${fixed(value, 3)} Å` : String(value);
}
