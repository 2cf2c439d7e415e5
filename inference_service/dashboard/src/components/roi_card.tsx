/** One ROI: what it is, why, where its computation stands, what came back, what to order. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { AnswerView, RoiView } from "../generated/messages.js";
import { levelName, recipeName } from "../orders/menu.js";
import { answersOf, jobsOf, roiName, stateStyle } from "../state/rois.js";
import { sameItems, store, useStore } from "../state/store.js";
import { AnswerCard, summary } from "./answer_card.js";
import { percent } from "./figures.js";
import { Actions } from "./roi/actions.js";
import { Jobs } from "./roi/jobs.js";
import { Origin, Why } from "./roi/why.js";

export function RoiCard({ roi, open }: { roi: RoiView; open: boolean }) {
  const card = useRef<HTMLLIElement>(null);
  const selected = useStore((state) => state.selected === roi.key);
  const jobs = useStore((state) => jobsOf(state.jobs, roi.key), sameItems);
  const answers = useStore((state) => answersOf(state.answers, roi.key), sameItems);
  useEffect(() => {
    if (selected) card.current?.scrollIntoView({ block: "nearest" });
  }, [selected]);
  const { icon, text } = stateStyle(roi);
  return (
    <li
      ref={card}
      class={`card ${roi.state}${selected ? " selected" : ""}${roi.wish === "never" ? " dismissed" : ""}`}
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
          <span class="kind">{roiName(roi)}</span>
          <span class="aside">p {percent(roi.defect.p)}</span>
          <Origin roi={roi} />
        </button>
      </h3>
      <Why roi={roi} />
      <Actions roi={roi} />
      <Jobs jobs={jobs} />
      <Answers answers={answers} roi={roi} open={open} />
    </li>
  );
}

/** The newest answer in full where the card is open; the others a line each. */
function Answers({
  answers,
  roi,
  open,
}: {
  answers: readonly AnswerView[];
  roi: RoiView;
  open: boolean;
}) {
  const shown = answers.filter(({ result }) => result.recipe !== "error_bar");
  return (
    <>
      {shown.map((answer, i) => (
        <Fold key={answer.job} answer={answer} roi={roi} siblings={answers} open={open && i === 0} />
      ))}
    </>
  );
}

interface FoldProps {
  readonly answer: AnswerView;
  readonly roi: RoiView;
  readonly siblings: readonly AnswerView[];
  readonly open: boolean;
}

/** What is folded is not made: pictures are fetched only where they are seen. */
function Fold({ answer, roi, siblings, open }: FoldProps) {
  const [opened, setOpened] = useState(open);
  useEffect(() => setOpened(open), [open]);
  return (
    <details
      class="answer-fold"
      open={opened}
      onToggle={(event) => setOpened((event.currentTarget as HTMLDetailsElement).open)}
    >
      <summary>
        <span class="answer-what">
          {recipeName(answer.result.recipe)} · {levelName(answer.result.level)}
        </span>
        <b>{summary(answer, siblings)}</b>
      </summary>
      {opened ? <AnswerCard answer={answer} roi={roi} siblings={siblings} /> : null}
    </details>
  );
}
