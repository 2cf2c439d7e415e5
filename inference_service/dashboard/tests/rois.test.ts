import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnswerView, JobView, RoiView } from "../src/generated/messages.js";
import { answersOf, jobsOf, ordered, roiName, stateStyle, successor } from "../src/state/rois.js";

function roi(part: Partial<RoiView>): RoiView {
  return {
    kind: "roi",
    key: "r",
    state: "candidate",
    reason: null,
    defect: { type: "V1" },
    origin: "defect",
    previous: null,
    updated_at_ns: 0,
    ...part,
  } as RoiView;
}

function map<T extends { readonly key: string }>(...entries: T[]): ReadonlyMap<string, T> {
  return new Map(entries.map((entry) => [entry.key, entry]));
}

test("what runs comes first, what is not seen any more and what was refused last", () => {
  const states = ["refused", "stale", "candidate", "failed", "done", "queued", "running"] as const;
  const rois = map(...states.map((state) => roi({ key: state, state })));
  assert.deepEqual(ordered(rois).map(({ key }) => key), [...states].reverse());
});

test("a place seen too poorly asks for a closer look, another refusal does not", () => {
  const blurred = roi({ state: "refused", reason: "unknown, look closer: halve the field of view." });
  assert.equal(stateStyle(blurred).text, "look closer");
  assert.equal(stateStyle(roi({ state: "refused", reason: "crosses the border" })).text, "refused");
});

test("a random patch is not called by what it happens to show", () => {
  assert.equal(roiName(roi({ origin: "random" })), "patch");
  assert.equal(roiName(roi({ origin: "operator" })), "V1");
});

test("what the beam made of a ROI is found", () => {
  const rois = map(roi({ key: "a" }), roi({ key: "b", previous: "a" }));
  assert.equal(successor(rois, "a")?.key, "b");
  assert.equal(successor(rois, "b"), null);
});

test("a ROI's jobs keep their order, its answers come latest first, and lists are made once", () => {
  const jobs = map(
    { kind: "job", key: "1", roi: "r" } as JobView,
    { kind: "job", key: "2", roi: "s" } as JobView,
    { kind: "job", key: "3", roi: "r" } as JobView,
  );
  assert.deepEqual(jobsOf(jobs, "r").map(({ key }) => key), ["1", "3"]);
  assert.equal(jobsOf(jobs, "r"), jobsOf(jobs, "r"));
  assert.deepEqual(jobsOf(jobs, "none"), []);
  const answers = new Map(
    [5, 9, 7].map((at) => {
      const answer = { kind: "answer", job: String(at), roi: "r", finished_at_ns: at } as AnswerView;
      return [answer.job, answer] as const;
    }),
  );
  assert.deepEqual(answersOf(answers, "r").map(({ job }) => job), ["9", "7", "5"]);
});
