/** One ROI: what it is, where its computation stands, and what came back. */

import { useEffect, useRef } from "preact/hooks";
import type { Job, RoiView } from "../generated/messages.js";
import { answersOf, jobsOf, ROI_STATES } from "../state/rois.js";
import { store, useStore } from "../state/store.js";
import { AnswerCard } from "./answer_card.js";
import { percent } from "./figures.js";

export function RoiCard({ roi }: { roi: RoiView }) {
  const card = useRef<HTMLLIElement>(null);
  const selected = useStore((state) => state.selected === roi.key);
  const jobs = useStore((state) => state.jobs);
  const answers = useStore((state) => state.answers);
  useEffect(() => {
    if (selected) card.current?.scrollIntoView({ block: "nearest" });
  }, [selected]);
  const { icon, text } = ROI_STATES[roi.state];
  return (
    <li
      ref={card}
      class={`card ${roi.state}${selected ? " selected" : ""}`}
      data-testid={`card-${roi.key}`}
      data-state={roi.state}
    >
      <h3 class="card-head">
        <button
          type="button"
          class="card-title"
          aria-pressed={selected}
          onClick={() => store.set({ selected: selected ? null : roi.key })}
        >
          <span class={`badge ${roi.state}`}>
            <span aria-hidden="true">{icon}</span> {text}
          </span>
          <span class="kind">{roi.defect.type}</span>
          <span class="aside">p {percent(roi.defect.p)}</span>
        </button>
      </h3>
      <p class="aside">
        <Where roi={roi} /> · seen in {roi.seen_frames} {roi.seen_frames === 1 ? "frame" : "frames"} ·{" "}
        <span class="mono">{roi.key}</span>
      </p>
      {roi.reason === null ? null : <p class="reason">{roi.reason}</p>}
      <Jobs jobs={jobsOf(jobs, roi.key)} />
      {answersOf(answers, roi.key).map((answer) => (
        <AnswerCard key={answer.job} answer={answer} />
      ))}
    </li>
  );
}

function Where({ roi }: { roi: RoiView }) {
  const session = useStore((state) => state.shown?.frame.view.session ?? null);
  if (roi.session === null) return <>frame no longer known</>;
  return <>{roi.session === session ? `frame ${roi.frame_index}` : `earlier session ${roi.session}`}</>;
}

function Jobs({ jobs }: { jobs: readonly Job[] }) {
  const open = jobs.filter((job) => job.state !== "done");
  if (open.length === 0) return null;
  return (
    <ul class="jobs">
      {open.map((job) => (
        <li key={job.key}>
          {job.recipe} · {job.level}: <b>{job.state}</b>
          {job.n_atoms > 0 ? ` · ${job.n_atoms} atoms` : ""}
          {job.firework === null ? "" : ` · Firework ${job.firework}`}
          {job.reason === null ? null : <p class="reason">{job.reason}</p>}
        </li>
      ))}
    </ul>
  );
}
