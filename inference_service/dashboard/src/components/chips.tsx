/** One chip for each stage of the loop: icon, name and state in words. */

import type { Dependency, StatusView } from "../generated/messages.js";
import { useStore } from "../state/store.js";

type Health = "good" | "busy" | "bad" | "unknown";

interface Chip {
  readonly name: string;
  readonly health: Health;
  readonly text: string;
  readonly detail: string;
}

const ICONS: Readonly<Record<Health, string>> = { good: "●", busy: "◐", bad: "▲", unknown: "○" };

export function Chips() {
  const link = useStore((state) => state.link);
  const status = useStore((state) => state.status);
  const chips = [linkChip(link.open, link.reason), ...(status === null ? [] : stages(status, link.open))];
  return (
    <ul class="chips" aria-label="State of the loop">
      {chips.map((chip) => (
        <li key={chip.name} class={`chip ${chip.health}`} title={chip.detail}>
          <span aria-hidden="true">{ICONS[chip.health]}</span> <b>{chip.name}</b> {chip.text}
        </li>
      ))}
    </ul>
  );
}

function linkChip(open: boolean, reason: string | null): Chip {
  if (open) return { name: "Service", health: "good", text: "connected", detail: "live" };
  const detail = reason ?? "connecting";
  return { name: "Service", health: reason === null ? "busy" : "bad", text: detail, detail };
}

/** What each stage last said; not to be believed where the link is gone. */
function stages(status: StatusView, open: boolean): Chip[] {
  const chips = [edgeChip(status), detectorChip(status.dependencies), dispatcherChip(status)];
  if (open) return chips;
  return chips.map((chip) => ({ ...chip, health: "unknown", text: `${chip.text}?` }));
}

const EDGE_HEALTH: Readonly<Record<string, Health>> = {
  starting: "busy",
  acquiring: "good",
  paused: "busy",
  finished: "busy",
  failed: "bad",
};

function edgeChip({ edge: peer }: StatusView): Chip {
  const said = peer.edge;
  if (!peer.connected) {
    return { name: "Edge", health: "bad", text: "not connected", detail: "Start an edge agent." };
  }
  if (said === null) {
    return { name: "Edge", health: "busy", text: "connected", detail: "nothing said yet" };
  }
  const lost = said.skipped + said.refused;
  return {
    name: "Edge",
    health: EDGE_HEALTH[said.state] ?? "unknown",
    text: lost === 0 ? said.state : `${said.state}, ${lost} not taken`,
    detail:
      `${said.source}: ${said.offered} offered, ${said.accepted} accepted, ` +
      `${said.skipped} skipped, ${said.refused} refused. ${said.detail ?? said.last_error ?? ""}`,
  };
}

function detectorChip(dependencies: readonly Dependency[]): Chip {
  const detector = dependencies.find((dependency) => dependency.name === "detector");
  if (detector === undefined) {
    return { name: "Detector", health: "unknown", text: "not reported", detail: "" };
  }
  return {
    name: "Detector",
    health: detector.ready ? "good" : "bad",
    text: detector.ready ? "ready" : "not ready",
    detail: `${detector.detail} ${detector.remedy ?? ""}`,
  };
}

const DISPATCHER_HEALTH: Readonly<Record<string, Health>> = {
  starting: "busy",
  ready: "good",
  paused: "busy",
  degraded: "bad",
  failed: "bad",
};

function dispatcherChip({ dispatcher: peer }: StatusView): Chip {
  const said = peer.dispatcher;
  if (!peer.connected) {
    const detail = "ROIs are not computed. Start sim-dispatcher.";
    return { name: "Dispatcher", health: "bad", text: "not connected", detail };
  }
  if (said === null) {
    return { name: "Dispatcher", health: "busy", text: "connected", detail: "nothing said yet" };
  }
  const jobs = `${said.jobs_running} running, ${said.jobs_waiting} waiting`;
  return {
    name: "Dispatcher",
    health: DISPATCHER_HEALTH[said.state] ?? "unknown",
    text: said.jobs_failed === 0 ? `${said.state}, ${jobs}` : `${said.state}, ${jobs}, ${said.jobs_failed} failed`,
    detail: `levels ${said.levels.join(", ")}; ${said.jobs_done} done. ${said.detail ?? ""}`,
  };
}
