/** ROIs in the order an operator wants them, with their jobs and answers. */

import type { AnswerView, JobView, RoiView } from "../generated/messages.js";

export interface StateStyle {
  readonly icon: string;
  readonly text: string;
}

/** Icon and word of each state; the colour comes from the style sheet. */
export const ROI_STATES: Readonly<Record<RoiView["state"], StateStyle>> = {
  candidate: { icon: "◇", text: "candidate" },
  queued: { icon: "◷", text: "queued" },
  running: { icon: "▶", text: "running" },
  done: { icon: "✓", text: "done" },
  failed: { icon: "✕", text: "failed" },
  refused: { icon: "⊘", text: "refused" },
  stale: { icon: "◌", text: "not seen" },
};

const LOOK_CLOSER: StateStyle = { icon: "◎", text: "look closer" };

/** Icon and word for a ROI: one that was seen too poorly asks for a better look. */
export function stateStyle(roi: RoiView): StateStyle {
  return asksForALook(roi) ? LOOK_CLOSER : ROI_STATES[roi.state];
}

export function asksForALook(roi: RoiView): boolean {
  return roi.state === "refused" && /look closer/i.test(roi.reason ?? "");
}

/** A ROI's name for people. */
export function roiName(roi: RoiView): string {
  return roi.origin === "random" ? "patch" : roi.defect.type;
}

/** The ROI that the beam turned this one into. */
export function successor(rois: ReadonlyMap<string, RoiView>, key: string): RoiView | null {
  for (const roi of rois.values()) if (roi.previous === key) return roi;
  return null;
}

const ORDER: readonly RoiView["state"][] = [
  "running",
  "queued",
  "done",
  "failed",
  "candidate",
  "stale",
  "refused",
];

/** Active ones first, then results, then the rest; the latest word first within a state. */
export function ordered(rois: ReadonlyMap<string, RoiView>): RoiView[] {
  return [...rois.values()].sort(
    (a, b) =>
      ORDER.indexOf(a.state) - ORDER.indexOf(b.state) ||
      b.updated_at_ns - a.updated_at_ns ||
      (a.key < b.key ? -1 : 1),
  );
}

export function jobsOf(jobs: ReadonlyMap<string, JobView>, roi: string): readonly JobView[] {
  return grouped(jobs).get(roi) ?? NONE;
}

/** A ROI's answers, the latest first. */
export function answersOf(answers: ReadonlyMap<string, AnswerView>, roi: string): readonly AnswerView[] {
  return grouped(answers).get(roi) ?? NONE;
}

const NONE: readonly never[] = [];
const GROUPS = new WeakMap<object, ReadonlyMap<string, readonly unknown[]>>();

/** Entries by their ROI, made once for each state of the map. */
function grouped<T extends JobView | AnswerView>(
  entries: ReadonlyMap<string, T>,
): ReadonlyMap<string, readonly T[]> {
  const known = GROUPS.get(entries) as ReadonlyMap<string, readonly T[]> | undefined;
  if (known !== undefined) return known;
  const groups = new Map<string, T[]>();
  for (const entry of entries.values()) {
    const group = groups.get(entry.roi);
    if (group === undefined) groups.set(entry.roi, [entry]);
    else group.push(entry);
  }
  for (const group of groups.values()) group.sort(latestAnswerFirst);
  GROUPS.set(entries, groups);
  return groups;
}

/** Jobs keep the order in which they were told. */
function latestAnswerFirst(a: JobView | AnswerView, b: JobView | AnswerView): number {
  return a.kind === "answer" && b.kind === "answer" ? b.finished_at_ns - a.finished_at_ns : 0;
}
