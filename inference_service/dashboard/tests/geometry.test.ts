import assert from "node:assert/strict";
import { test } from "node:test";
import { pixelSize, roiCentre, scaleBar } from "../src/draw/calibration.js";
import { fit, toImage, toScreen, zoomed } from "../src/draw/viewport.js";
import type { Atoms, FrameView } from "../src/generated/messages.js";
import { ServiceClock } from "../src/live/clock.js";
import { linkDelayMs, pictureOf, staleness } from "../src/state/staleness.js";

const stage = { width: 900, height: 600 };

test("screen and image positions invert each other, pixel centres at integers", () => {
  const view = fit({ width: 300, height: 300 }, stage);
  assert.equal(view.scale, 2);
  assert.deepEqual(toScreen(view, { x: -0.5, y: -0.5 }), { x: 150, y: 0 });
  assert.deepEqual(toScreen(view, { x: 299.5, y: 299.5 }), { x: 750, y: 600 });
  assert.deepEqual(toImage(view, toScreen(view, { x: 17, y: 201 })), { x: 17, y: 201 });
});

test("zooming keeps the point under the pointer where it is", () => {
  const view = fit({ width: 300, height: 200 }, stage);
  const about = { x: 333, y: 222 };
  const before = toImage(view, about);
  const after = toImage(zoomed(view, 3.7, about), about);
  assert.ok(Math.abs(before.x - after.x) < 1e-9 && Math.abs(before.y - after.y) < 1e-9);
});

test("zooming stops at its limits without moving the image", () => {
  const view = fit({ width: 300, height: 200 }, stage);
  let far = view;
  for (let i = 0; i < 100; i += 1) far = zoomed(far, 2, { x: 1, y: 1 });
  assert.equal(far.scale, 64);
  assert.deepEqual(zoomed(far, 2, { x: 5, y: 5 }), far);
});

test("a scale bar is 1, 2 or 5 times a power of ten, never longer than its room", () => {
  for (let size = 0.003; size < 30; size *= 1.17) {
    const bar = scaleBar(size, 1.5, 180);
    const mantissa = bar.angstrom / 10 ** Math.floor(Math.log10(bar.angstrom * 1.0000001));
    assert.ok([1, 2, 5].some((step) => Math.abs(mantissa - step) < 1e-6), String(bar.angstrom));
    assert.ok(bar.screenPixels <= 180.0001 && bar.screenPixels > 180 / 2.6);
    assert.ok(Math.abs(bar.screenPixels - (bar.angstrom / size) * 1.5) < 1e-9);
  }
  assert.equal(scaleBar(0.1, 1, 110).label, "1 nm");
  assert.equal(scaleBar(0.1, 1, 60).label, "5 Å");
});

test("a ROI follows the drift: the origin moves one way, the box the other", () => {
  const still = { drift_A: [0, 0], pixel_size_A: 0.1 } as unknown as Atoms;
  const moved = { drift_A: [2, -1], pixel_size_A: 0.1 } as unknown as Atoms;
  const roi = { x_A: 5, y_A: 7 };
  assert.deepEqual(roiCentre(roi, still), { x: 50, y: 70 });
  assert.deepEqual(roiCentre(roi, moved), { x: 60, y: 50 });
});

test("the size the analysis used wins over the header, which wins over nothing", () => {
  const header = { pixel_size_A: 0.2, source: "header" };
  const analysis = { pixel_size_A: 0.1, pixel_size_source: "fft" };
  const view = (parts: object): FrameView => parts as FrameView;
  assert.equal(pixelSize(view({ calibration: header, analysis }))?.angstrom, 0.1);
  assert.equal(pixelSize(view({ calibration: header, analysis: null }))?.angstrom, 0.2);
  const none = { pixel_size_A: null, source: "none" };
  assert.equal(pixelSize(view({ calibration: none, analysis: null })), null);
});

test("a picture is stale after three usual intervals or two silent seconds", () => {
  const picture = { bornS: 100.4, scannedS: 100 };
  assert.equal(staleness(picture, 102.9, 0.5, 1).level, "fresh");
  assert.equal(staleness(picture, 103.5, 0.5, 1).reason, "no new frame");
  assert.equal(staleness(picture, 101, 2.1, 1).reason, "link to the service lost");
  assert.equal(staleness(picture, 108, 0, null).level, "fresh");
  assert.equal(staleness(picture, 120, 0, null).reason, "no new frame");
  assert.equal(staleness(null, 1, 9, 1).ageS, null);
});

test("a moving picture that lags is delayed, and stale where it lags too far", () => {
  const late = { bornS: 104, scannedS: 100 };
  assert.equal(staleness(late, 104.5, 0, 1).level, "delayed");
  assert.equal(staleness({ bornS: 111, scannedS: 100 }, 111.5, 0, 1).level, "stale");
});

test("a frame's age counts from its last pixel where edge and service agree on the time", () => {
  const view = (endedNs: number): FrameView =>
    ({
      received_at_ns: 1.8e18,
      received_s: 50,
      analysed_s: 51,
      acquisition: { ended_at_ns: endedNs },
    }) as unknown as FrameView;
  assert.deepEqual(pictureOf(view(1.8e18 - 2e9)), { bornS: 51, scannedS: 48 });
  assert.deepEqual(pictureOf(view(1.8e18 + 9e9)), { bornS: 51, scannedS: 50 });
  assert.equal(linkDelayMs(view(1.8e18 + 9e9)), null);
  assert.equal(linkDelayMs(view(1.7e18)), null);
});

test("the service's clock is read from the quickest pulse", () => {
  const clock = new ServiceClock();
  assert.equal(clock.serviceTime(5), null);
  clock.pulse(1000.0, 10.5, null);
  clock.pulse(1001.0, 11.02, 0.9);
  clock.pulse(1002.0, 12.3, 0.04);
  // Least one-way offset: 11.02 - 1001; half the least round trip on top.
  assert.ok(Math.abs((clock.serviceTime(20) ?? 0) - (20 - (11.02 - 1001) + 0.02)) < 1e-9);
});
