/** The relaxed structure in three dimensions, beside the live image; loaded when first asked for. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { Viewer } from "3dmol/build/3Dmol.es6-min.js";
import { store, type StructureChoice, useStore } from "../state/store.js";

const STYLE = { stick: { radius: 0.12 }, sphere: { scale: 0.24 } };
/** Turned about x so that y points down, as in the image. */
const LIKE_THE_IMAGE_DEG = 180;

export function structurePath({ roi, job }: StructureChoice): string {
  return `/api/v1/answers/${encodeURIComponent(roi)}/structure?job=${encodeURIComponent(job)}`;
}

/** Stays in the page when closed, because its viewer is used again. */
export function StructurePanel() {
  const choice = useStore((state) => state.structure);
  const screen = useRef<HTMLDivElement>(null);
  const viewer = useRef<Viewer | null>(null);
  const [message, setMessage] = useState("");
  useEffect(() => {
    if (choice === null) return undefined;
    let wanted = true;
    setMessage("loading…");
    show(screen.current, viewer, choice).then(
      () => wanted && setMessage(""),
      (error: unknown) => wanted && setMessage(`Cannot show it: ${String(error)}`),
    );
    return () => {
      wanted = false;
    };
  }, [choice]);
  return (
    <section class="structure" aria-label="Relaxed structure" data-testid="structure" hidden={choice === null}>
      <header>
        <b>{choice?.title}</b> relaxed at {choice?.level}; drag to turn
        <button type="button" onClick={() => store.set({ structure: null })}>
          Close
        </button>
      </header>
      <div ref={screen} class="structure-screen" />
      <p role="status">{message}</p>
    </section>
  );
}

/** Browsers allow few WebGL contexts: one viewer is made and used again. */
async function show(
  element: HTMLDivElement | null,
  viewer: { current: Viewer | null },
  choice: StructureChoice,
): Promise<void> {
  if (element === null) return;
  const [library, response] = await Promise.all([
    import("3dmol/build/3Dmol.es6-min.js"),
    fetch(structurePath(choice)),
  ]);
  if (!response.ok) throw new Error(`the service answered ${response.status}`);
  const text = await response.text();
  viewer.current ??= library.createViewer(element, { backgroundColor: "#0b0e13" });
  viewer.current.resize();
  viewer.current.clear();
  viewer.current.addModel(text, "xyz");
  viewer.current.setStyle({}, STYLE);
  viewer.current.zoomTo();
  viewer.current.rotate(LIKE_THE_IMAGE_DEG, "x");
  viewer.current.render();
}
