/** A ROI's jobs that are not done: where each stands, and how to end it. */

import type { JobView } from "../../generated/messages.js";
import { ask } from "../../orders/desk.js";
import { levelName, recipeName } from "../../orders/menu.js";
import { useStore } from "../../state/store.js";
import { age, fixed } from "../figures.js";
import { useObstacle } from "./actions.js";

const ENDED: readonly JobView["state"][] = ["done", "failed", "cancelled"];

export function Jobs({ jobs }: { jobs: readonly JobView[] }) {
  const shown = jobs.filter((job) => job.state !== "done");
  if (shown.length === 0) return null;
  return (
    <ul class="jobs">
      {shown.map((job) => (
        <JobLine key={job.key} job={job} />
      ))}
    </ul>
  );
}

function JobLine({ job }: { job: JobView }) {
  const obstacle = useObstacle();
  const what = `${recipeName(job.recipe)} · ${levelName(job.level)}`;
  return (
    <li class={`job ${job.state}`} data-testid={`job-${job.key}`}>
      <span class="job-line">
        <span class="job-what">
          {what}: <b>{job.state}</b>
          <Progress job={job} />
        </span>
        {ENDED.includes(job.state) ? null : (
          <button
            type="button"
            class="quiet-button"
            disabled={obstacle !== null}
            title={obstacle ?? "End this job"}
            aria-label={`Cancel ${what}`}
            onClick={() => ask({ action: "cancel", job: job.key }, `Cancel ${what}`)}
          >
            Cancel
          </button>
        )}
      </span>
      <span class="aside">{details(job)}</span>
      {job.reason === null ? null : <p class="reason">{job.reason}</p>}
    </li>
  );
}

/** Step and time of a running job; the bar only where its end is known. */
function Progress({ job }: { job: JobView }) {
  const nowS = useStore((state) => state.nowS);
  if (job.state !== "running") return null;
  const elapsed =
    nowS === null || job.running_since_s === null ? null : Math.max(0, nowS - job.running_since_s);
  const planned = plannedSteps(job);
  return (
    <>
      {job.step === null ? "" : `, step ${job.step}${planned === null ? "" : ` of ${planned.text}`}`}
      {elapsed === null ? "" : ` · ${age(elapsed)}`}
      {job.step === null || planned === null ? null : (
        <progress value={Math.min(job.step, planned.steps)} max={planned.steps} />
      )}
    </>
  );
}

/** A trajectory's length is known; an optimiser's only bounded. */
function plannedSteps(job: JobView): { steps: number; text: string } | null {
  if (job.options === null) return null;
  const { duration_fs, timestep_fs, max_steps } = job.options;
  if (job.recipe === "md") {
    const steps = Math.round(duration_fs / timestep_fs);
    return { steps, text: String(steps) };
  }
  return { steps: max_steps, text: `≤ ${max_steps}` };
}

function details(job: JobView): string {
  const { options } = job;
  const parts = [
    job.n_atoms > 0 ? `${job.n_atoms} atoms` : null,
    job.recipe === "md" && options !== null ? `${fixed(options.temperature_K, 0)} K` : null,
    job.recipe === "adsorb" && options !== null ? `${options.adsorbate} at ${options.site}` : null,
    job.attempt > 1 ? `attempt ${job.attempt}` : null,
    job.worker,
    job.firework === null ? null : `Firework ${job.firework}`,
  ];
  return parts.filter((part) => part !== null && part !== "").join(" · ");
}
