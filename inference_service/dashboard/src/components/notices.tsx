/** Failures, each with its cause and the next step. */

import type { State } from "../state/store.js";
import { useStore } from "../state/store.js";

interface Notice {
  readonly cause: string;
  readonly remedy: string;
}

const NONE: readonly string[] = [];

export function Notices() {
  const status = useStore((state) => state.status);
  const warnings = useStore((state) => state.shown?.frame.view.analysis?.warnings ?? NONE);
  const failure = useStore((state) => state.shown?.frame.view.failure ?? null);
  const lost = useStore((state) => linkNotice(state));
  const notices: Notice[] = (status?.dependencies ?? [])
    .filter((dependency) => !dependency.ready)
    .map(({ name, detail, remedy }) => ({ cause: `${name}: ${detail}`, remedy: remedy ?? "" }));
  if (failure !== null) notices.unshift({ cause: failure.message, remedy: failure.remedy });
  const said = [status?.edge.edge, status?.dispatcher.dispatcher];
  for (const peer of said) {
    if (peer && (peer.state === "failed" || peer.state === "degraded")) {
      notices.push({ cause: `${peer.kind === "edge_status" ? "Edge" : "Dispatcher"} ${peer.state}.`, remedy: peer.detail ?? "" });
    }
  }
  for (const warning of warnings) notices.push({ cause: "This frame:", remedy: warning });
  if (lost !== null) notices.unshift({ cause: lost, remedy: "This page dials again by itself." });
  return (
    <div class="notices" role="status" aria-live="polite">
      {notices.map(({ cause, remedy }) => (
        <p class="notice" key={cause + remedy}>
          <span aria-hidden="true">▲</span> <b>{cause}</b> {remedy}
        </p>
      ))}
    </div>
  );
}

function linkNotice(state: State): string | null {
  return state.link.open || state.link.reason === null
    ? null
    : `No link to the service: ${state.link.reason}.`;
}
