/** The image with everything that lies on it; all of it drawn from one and the same frame. */

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { atomNear, exaggerationFor, OverlayLayer } from "../draw/atom_layer.js";
import { ImageLayer } from "../draw/image_layer.js";
import { drawsInSoftware } from "../draw/renderer.js";
import { panned, type Point, toImage, type Viewport } from "../draw/viewport.js";
import { placeAt, viewport, zoomedAbout } from "../state/view.js";
import { store, useStore } from "../state/store.js";
import { AtomTip, type Hover } from "./atom_tip.js";
import { LookMenu, lookAt } from "./orders/look_menu.js";
import { Legend } from "./legend.js";
import { RoiBoxes } from "./roi_boxes.js";
import { ScaleBarView } from "./scale_bar_view.js";
import { StaleBadge } from "./stale_badge.js";
import { StructurePanel } from "./structure_panel.js";

const WHEEL_STEP = 1.0015;
const HOVER_REACH_PX = 12;

export function Stage({ onPainted }: { onPainted: () => void }) {
  const stage = useRef<HTMLDivElement>(null);
  const [hover, setHover] = useState<Hover | null>(null);
  const shown = useStore((state) => state.shown);
  const view = useStoredViewport();
  useStageSize(stage);
  const gestures = useGestures(stage, setHover);
  const frame = shown?.frame ?? null;
  return (
    <section class="stage" aria-label="Live image">
      <div
        ref={stage}
        class="canvas-area"
        role="application"
        aria-label="Live image: drag to move, wheel or plus and minus to zoom"
        tabIndex={0}
        {...gestures}
      >
        <Canvases onPainted={onPainted} />
        {frame !== null && view !== null ? <RoiBoxes frame={frame} view={view} /> : null}
        {frame !== null && view !== null ? (
          <ScaleBarView frame={frame.view} view={view} />
        ) : (
          <p class="empty">Waiting for the first frame…</p>
        )}
        {frame !== null && hover !== null ? <AtomTip frame={frame} hover={hover} /> : null}
        <StaleBadge />
        <LookMenu />
      </div>
      <StructurePanel />
      <Legend />
    </section>
  );
}

/** Two stacked canvases, redrawn together in the layout phase, before the browser paints. */
function Canvases({ onPainted }: { onPainted: () => void }) {
  const image = useRef<HTMLCanvasElement>(null);
  const overlay = useRef<HTMLCanvasElement>(null);
  const layers = useRef<{ image: ImageLayer; overlay: OverlayLayer } | null>(null);
  const shown = useStore((state) => state.shown);
  const size = useStore((state) => state.stage);
  const atoms = useStore((state) => state.atoms);
  const uncertainty = useStore((state) => state.uncertainty);
  const view = useStoredViewport();
  useLayoutEffect(() => {
    const below = image.current?.getContext("2d", { willReadFrequently: drawsInSoftware() });
    // The overlay's marks are computed, not drawn: keep its pixels where they are written.
    const above = overlay.current?.getContext("2d", { willReadFrequently: true });
    if (!below || !above || shown === null || view === null) return;
    const ratio = window.devicePixelRatio;
    for (const { canvas } of [below, above]) {
      resize(canvas, Math.round(size.width * ratio), Math.round(size.height * ratio));
    }
    layers.current ??= { image: new ImageLayer(), overlay: new OverlayLayer() };
    layers.current.image.draw(below, shown.frame, view, ratio);
    const exaggeration = exaggerationFor(shown.frame);
    const options = { atoms, uncertainty, exaggeration };
    layers.current.overlay.draw(above, shown.frame, view, ratio, options);
    onPainted();
  }, [shown, size, atoms, uncertainty, view?.scale, view?.left, view?.top]);
  const name = shown?.frame.view.name ?? "";
  return (
    <>
      <canvas ref={image} class="layer" data-frame={name} data-testid="image" />
      <canvas ref={overlay} class="layer" data-frame={name} data-testid="overlay" />
    </>
  );
}

function resize(canvas: HTMLCanvasElement, width: number, height: number): void {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}

function useStoredViewport(): Viewport | null {
  useStore((state) => state.view);
  useStore((state) => state.stage);
  useStore((state) => state.shown?.frame.rows);
  useStore((state) => state.shown?.frame.columns);
  return viewport(store.state);
}

function useStageSize(stage: { readonly current: HTMLDivElement | null }): void {
  useEffect(() => {
    const element = stage.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(() => {
      store.set({ stage: { width: element.clientWidth, height: element.clientHeight } });
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
}

/** Dragging moves, the wheel zooms about the pointer, hovering names the atom below it. */
function useGestures(
  stage: { readonly current: HTMLDivElement | null },
  setHover: (hover: Hover | null) => void,
) {
  const drag = useRef<Point | null>(null);
  const at = (event: MouseEvent): Point => {
    const box = stage.current?.getBoundingClientRect();
    return { x: event.clientX - (box?.left ?? 0), y: event.clientY - (box?.top ?? 0) };
  };
  useEffect(() => {
    const element = stage.current;
    const onWheel = (event: WheelEvent): void => {
      event.preventDefault();
      store.set((state) => zoomedAbout(state, WHEEL_STEP ** -event.deltaY, at(event)));
    };
    element?.addEventListener("wheel", onWheel, { passive: false });
    return () => element?.removeEventListener("wheel", onWheel);
  }, []);
  return {
    onPointerDown: (event: PointerEvent) => {
      if (event.target instanceof HTMLElement && event.target.closest("button")) return;
      store.set({ place: null });
      if (event.button !== 0) return;
      if (event.shiftKey) {
        const place = placeAt(store.state, at(event));
        if (place !== null) lookAt(place);
        return;
      }
      drag.current = { x: event.clientX, y: event.clientY };
      stage.current?.setPointerCapture(event.pointerId);
    },
    onPointerMove: (event: PointerEvent) => {
      const from = drag.current;
      store.set({ pointer: at(event) });
      if (from === null) {
        setHover(hovered(at(event)));
        return;
      }
      drag.current = { x: event.clientX, y: event.clientY };
      const view = viewport(store.state);
      if (view === null) return;
      store.set({ view: panned(view, event.clientX - from.x, event.clientY - from.y) });
    },
    onPointerUp: () => {
      drag.current = null;
    },
    onPointerLeave: () => {
      setHover(null);
      store.set({ pointer: null });
    },
    onContextMenu: (event: MouseEvent) => {
      event.preventDefault();
      setHover(null);
      store.set({ place: placeAt(store.state, at(event)) });
    },
  };
}

function hovered(at: Point): Hover | null {
  const { shown } = store.state;
  const view = viewport(store.state);
  if (shown === null || view === null || shown.frame.view.analysis === null) return null;
  const point = toImage(view, at);
  return atomNear(shown.frame, point.x, point.y, HOVER_REACH_PX / view.scale) < 0
    ? null
    : { at, point, reach: HOVER_REACH_PX / view.scale };
}
