import assert from "node:assert/strict";
import { test } from "node:test";
import type { JobView, OrderOutcome, OrderView } from "../src/generated/messages.js";
import { DEFAULTS, obstacle, RECIPES } from "../src/orders/menu.js";
import { added, aged, refused, type Toast, UNDO_S } from "../src/orders/toasts.js";
import { undoOf } from "../src/orders/undo.js";

function outcome(part: Partial<OrderOutcome>): OrderOutcome {
  return {
    kind: "order_outcome",
    id: "o",
    accepted: true,
    message: "done",
    job: null,
    roi: null,
    undo: null,
    at_ns: 1,
    ...part,
  };
}

function order(part: Partial<OrderView>): OrderView {
  return {
    kind: "order",
    id: "o",
    action: "pick",
    roi: null,
    job: null,
    x_A: null,
    y_A: null,
    recipe: null,
    level: null,
    options: null,
    by: "test",
    issued_at_ns: 0,
    outcome: null,
    revision: 1,
    ...part,
  };
}

const job = { key: "j", roi: "r", recipe: "md", level: "gfn1", options: DEFAULTS } as JobView;
const jobs = new Map([["j", job]]);

test("an order is taken back by what the dispatcher names, on what it was about", () => {
  const picked = order({ roi: "r", outcome: outcome({ undo: "release" }) });
  assert.deepEqual(undoOf(picked, jobs), { action: "release", roi: "r" });
  const computed = order({ action: "compute", roi: "r", outcome: outcome({ undo: "cancel", job: "n" }) });
  assert.deepEqual(undoOf(computed, jobs), { action: "cancel", job: "n" });
  const looked = order({ action: "look_at", outcome: outcome({ undo: "dismiss", roi: "new" }) });
  assert.deepEqual(undoOf(looked, jobs), { action: "dismiss", roi: "new" });
  const paused = order({ action: "pause", outcome: outcome({ undo: "resume" }) });
  assert.deepEqual(undoOf(paused, jobs), { action: "resume" });
});

test("a cancelled job is computed again with the settings it had", () => {
  const cancelled = order({ action: "cancel", job: "j", outcome: outcome({ undo: "compute" }) });
  const { recipe, level, options } = job;
  assert.deepEqual(undoOf(cancelled, jobs), { action: "compute", roi: "r", recipe, level, options });
  assert.equal(undoOf(cancelled, new Map()), null);
});

test("what was refused, waits or cannot be taken back has no undo", () => {
  assert.equal(undoOf(order({ roi: "r" }), jobs), null);
  const no = outcome({ accepted: false, undo: "release" });
  assert.equal(undoOf(order({ roi: "r", outcome: no }), jobs), null);
  assert.equal(undoOf(order({ roi: "r", outcome: outcome({}) }), jobs), null);
});

test("a toast can be undone for ten seconds after its outcome and not longer", () => {
  const toast: Toast = { id: "o", title: "Pick", refusal: null, shownS: 100 };
  const orders = new Map([["o", order({ outcome: outcome({}) })]]);
  const waiting = aged([toast], new Map(), 130);
  assert.deepEqual(waiting, [toast]);
  const settled = aged(waiting, orders, 140);
  assert.equal(settled[0]?.settledS, 140);
  assert.equal(aged(settled, orders, 140 + UNDO_S), settled);
  assert.deepEqual(aged(settled, orders, 140.1 + UNDO_S), []);
  assert.deepEqual(aged([toast], new Map(), 161), []);
});

test("toasts are few, and a refusal finds its own", () => {
  let toasts: readonly Toast[] = [];
  for (let i = 0; i < 6; i += 1) {
    toasts = added(toasts, { id: `o${i}`, title: "", refusal: null, shownS: i });
  }
  assert.deepEqual(toasts.map(({ id }) => id), ["o2", "o3", "o4", "o5"]);
  const no = { type: "refusal", id: "o4", code: "c", detail: "no", remedy: "wait" } as const;
  const told = refused(toasts, no);
  assert.deepEqual(told.map(({ refusal }) => refusal !== null), [false, false, true, false]);
});

test("a level that is not here, or whose bonds are fixed, is refused with the reason", () => {
  const relax = RECIPES.find(({ recipe }) => recipe === "relax");
  const md = RECIPES.find(({ recipe }) => recipe === "md");
  assert.ok(relax && md);
  assert.equal(obstacle(relax, "gfnff", ["gfnff"]), null);
  assert.match(obstacle(md, "gfnff", ["gfnff"]) ?? "", /bonds are fixed/);
  assert.match(obstacle(relax, "vasp", ["gfnff"]) ?? "", /not on the dispatcher/);
});
