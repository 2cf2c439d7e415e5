/** The strip above the image: who is there, and what the picture is. */

import { headerError, pixelSize } from "../draw/calibration.js";
import type { Acquisition, Atoms, FrameView } from "../generated/messages.js";
import { linkDelayMs } from "../state/staleness.js";
import { type ShownFrame, store, useStore } from "../state/store.js";
import { Chips } from "./chips.js";
import { Budget, Conduct } from "./orders/conduct.js";
import { age, dose, fixed, milliseconds, NOT_KNOWN, percent } from "./figures.js";
import { useStaleness } from "./use_staleness.js";

const HEADER_TOLERANCE = 0.02;

export function TopStrip() {
  const shown = useStore((state) => state.shown);
  return (
    <header class="strip">
      <div class="strip-row">
        <h1 class="brand">AtomLoop</h1>
        <Chips />
        <Conduct />
        <button class="help-button" type="button" onClick={openHelp} aria-keyshortcuts="?">
          Keys <kbd>?</kbd>
        </button>
      </div>
      <dl class="figures" aria-label="The frame on the screen and the means of the session">
        {shown === null ? <Empty /> : <FrameFigures shown={shown} />}
        <Budget />
        {shown === null ? null : <Latency shown={shown} />}
      </dl>
    </header>
  );
}

function openHelp(): void {
  store.set({ help: true });
}

function Empty() {
  return <Figure name="Frame" value={NOT_KNOWN} note="none received yet" />;
}

function FrameFigures({ shown }: { shown: ShownFrame }) {
  const { view } = shown.frame;
  const { analysis, acquisition } = view;
  const size = pixelSize(view);
  return (
    <>
      <FrameNumber view={view} />
      <Dose analysis={analysis} acquisition={acquisition} />
      <Figure name="Dwell" value={known(acquisition.dwell_time_us, 1)} unit="µs" />
      <Figure name="Beam" value={known(acquisition.beam_current_pA, 1)} unit="pA" />
      <Figure
        name="Pixel"
        value={size === null ? NOT_KNOWN : fixed(size.angstrom, 4)}
        unit={size === null ? "" : "Å"}
        note={size?.source ?? "no calibration"}
        {...headerWarning(analysis)}
      />
      <Model analysis={analysis} />
      <Trust analysis={analysis} />
      <Figure
        name="Contamination"
        value={analysis === null ? NOT_KNOWN : percent(analysis.contamination)}
        note="of the area, hatched"
      />
    </>
  );
}

function FrameNumber({ view }: { view: FrameView }) {
  const { ageS, level } = useStaleness();
  const usualS = useStore((state) => state.status?.usual_interval_s ?? null);
  const rhythm = usualS === null ? "" : `every ${age(usualS)}`;
  return (
    <>
      <Figure name="Frame" value={String(view.index)} note={view.session} testId="frame-number" />
      <Figure
        name="Age"
        value={ageS === null ? NOT_KNOWN : age(ageS)}
        {...(level === "fresh" ? { note: rhythm } : { warn: level })}
      />
    </>
  );
}

/** Every stage between the detector's last pixel and the painted one. */
function Latency({ shown }: { shown: ShownFrame }) {
  const { view } = shown.frame;
  const times = view.analysis?.times;
  const linkMs = linkDelayMs(view);
  const insideMs = view.analysed_s === null ? null : 1000 * (view.analysed_s - view.received_s);
  const screenMs =
    shown.paintedS === null
      ? null
      : Math.max(0, 1000 * (shown.paintedS - (view.analysed_s ?? view.received_s)));
  const stages: [string, number | null][] = [
    ["link", linkMs],
    ["queue", times?.queue_ms ?? null],
    ["detect", times?.detect_ms ?? null],
    ["refine", times?.refine_ms ?? null],
    ["classify", times?.classify_ms ?? null],
    ["screen", screenMs],
  ];
  const total =
    linkMs !== null && insideMs !== null && screenMs !== null ? linkMs + insideMs + screenMs : null;
  return (
    <Figure
      name="Latency"
      value={total === null ? NOT_KNOWN : milliseconds(total)}
      note={stages
        .map(([stage, ms]) => `${stage} ${ms === null ? NOT_KNOWN : milliseconds(ms)}`)
        .join(" · ")}
      {...(linkMs === null ? { warn: "clocks of edge and service differ" } : {})}
    />
  );
}

function Dose({ analysis, acquisition }: { analysis: Atoms | null; acquisition: Acquisition }) {
  const value = analysis?.dose_e_A2 ?? acquisition.dose_e_A2;
  const measured = analysis?.dose_e_A2 ?? null;
  return (
    <Figure
      name="Dose"
      value={value === null ? NOT_KNOWN : dose(value)}
      unit={value === null ? "" : "e/Å²"}
      note={measured === null && value !== null ? "from the settings" : (analysis?.dose_note ?? "")}
    />
  );
}

function Model({ analysis }: { analysis: Atoms | null }) {
  if (analysis === null) return <Figure name="Model" value={NOT_KNOWN} note="not analysed yet" />;
  const members = `${analysis.members} member${analysis.members === 1 ? "" : "s"}`;
  return <Figure name="Model" value={analysis.model.slice(0, 8)} note={members} mono />;
}

function Trust({ analysis }: { analysis: Atoms | null }) {
  if (analysis === null) return <Figure name="Distribution" value={NOT_KNOWN} />;
  const { flag, score, reasons } = analysis.ood;
  return (
    <Figure
      name="Distribution"
      value={flag ? "unfamiliar" : "familiar"}
      note={`score ${fixed(score, 2)}`}
      {...(flag ? { warn: reasons.join(" ") || "the detector was not made for this" } : {})}
    />
  );
}

interface FigureProps {
  readonly name: string;
  readonly value: string;
  readonly unit?: string;
  readonly note?: string;
  readonly warn?: string;
  readonly mono?: boolean;
  readonly testId?: string;
}

function Figure({ name, value, unit, note, warn, mono, testId }: FigureProps) {
  return (
    <div class={warn ? "figure warn" : "figure"} title={warn ?? note ?? ""}>
      <dt>{name}</dt>
      <dd>
        <span class={mono ? "value mono" : "value"} data-testid={testId}>
          {value}
        </span>
        {unit && value !== NOT_KNOWN ? <span class="unit"> {unit}</span> : null}
        {warn ? <span class="note">⚠ {warn}</span> : note ? <span class="note">{note}</span> : null}
      </dd>
    </div>
  );
}

function known(value: number | null, digits: number): string {
  return value === null ? NOT_KNOWN : fixed(value, digits);
}

function headerWarning(analysis: Atoms | null): { warn?: string } {
  const error = analysis === null ? null : headerError(analysis);
  if (error === null || Math.abs(error) < HEADER_TOLERANCE) return {};
  return { warn: `header says ${fixed(100 * error, 1)} %` };
}
