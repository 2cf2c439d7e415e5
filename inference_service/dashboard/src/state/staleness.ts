/** Whether the picture may still be taken for the present. */

import type { FrameView } from "../generated/messages.js";

export interface Picture {
  /** Instant its atoms (or, without a detector, the frame itself) were there, service clock, s. */
  readonly bornS: number;
  /** Instant its last pixel was scanned, on the service's clock as far as known, s. */
  readonly scannedS: number;
}

export interface Staleness {
  readonly ageS: number | null;
  /** `delayed`: pictures still come, but late; `stale`: this one is not the present. */
  readonly level: "fresh" | "delayed" | "stale";
  /** Why, for people. */
  readonly reason: string;
}

/** Usual intervals after which a picture is no longer fresh. */
const INTERVALS = 3;
/** Silence of the link after which a picture is stale, s. */
const LINK_LOST_S = 2;
/** Frames that come faster than this are judged as if they came this slowly, s. */
const LEAST_INTERVAL_S = 0.4;
/** Assumed before three frames have told the usual interval, s. */
const FIRST_INTERVAL_S = 4;
/** A lag that makes even a moving picture stale, s. */
const LONGEST_LAG_S = 10;

/** Longest believable way from the last pixel to the service, ms; beyond, the clocks differ. */
const LONGEST_LINK_MS = 3_600_000;

/** How long a frame was on its way to the service, ms; null where the two clocks disagree. */
export function linkDelayMs(view: FrameView): number | null {
  const ms = (view.received_at_ns - view.acquisition.ended_at_ns) / 1e6;
  return ms >= 0 && ms < LONGEST_LINK_MS ? ms : null;
}

/** The instants of a frame that decide whether it is the present. */
export function pictureOf(view: FrameView): Picture {
  return {
    bornS: view.analysed_s ?? view.received_s,
    scannedS: view.received_s - (linkDelayMs(view) ?? 0) / 1000,
  };
}

/**
 * Judge a picture.
 *
 * @param picture What is on the screen; null where nothing is.
 * @param nowS The service's clock now, s; null where it is unknown.
 * @param silentS How long the link has been silent, s.
 * @param usualIntervalS Median interval between pictures, s; null where it is unknown.
 */
export function staleness(
  picture: Picture | null,
  nowS: number | null,
  silentS: number,
  usualIntervalS: number | null,
): Staleness {
  if (picture === null || nowS === null) return { ageS: null, level: "fresh", reason: "" };
  const ageS = Math.max(0, nowS - picture.scannedS);
  if (silentS > LINK_LOST_S) return { ageS, level: "stale", reason: "link to the service lost" };
  const limitS = INTERVALS * Math.max(LEAST_INTERVAL_S, usualIntervalS ?? FIRST_INTERVAL_S);
  if (nowS - picture.bornS > limitS) return { ageS, level: "stale", reason: "no new frame" };
  if (ageS <= limitS) return { ageS, level: "fresh", reason: "" };
  const level = ageS > LONGEST_LAG_S ? "stale" : "delayed";
  return { ageS, level, reason: "the analysis lags behind the source" };
}
