import assert from "node:assert/strict";
import { test } from "node:test";
import { ink, Stamps } from "../src/draw/stamps.js";

const sheet = (): Stamps => new Stamps(new Uint8ClampedArray(40 * 30 * 4), 40, 30);
const alphas = (stamps: Stamps): number[] =>
  Array.from({ length: 40 * 30 }, (_, i) => stamps.data[4 * i + 3] as number);
const covered = (stamps: Stamps): number => alphas(stamps).reduce((sum, a) => sum + a / 255, 0);

test("a disc covers its area wherever it lies between pixels, in its own colour", () => {
  for (const [x, y] of [[20, 15], [20.5, 15.5], [19.3, 14.9]] as const) {
    const stamps = sheet();
    stamps.disc(x, y, 5, ink("#56b4e9", 1));
    assert.ok(Math.abs(covered(stamps) - Math.PI * 25) < 2, String(covered(stamps)));
    const at = 4 * (15 * 40 + 20);
    assert.deepEqual([...stamps.data.slice(at, at + 4)], [0x56, 0xb4, 0xe9, 255]);
  }
});

test("a ring covers its outline and leaves its middle free", () => {
  const stamps = sheet();
  stamps.ring(20, 15, 8, 8, 1, ink("#f0e442", 1));
  assert.ok(Math.abs(covered(stamps) - 2 * Math.PI * 8) < 4, String(covered(stamps)));
  assert.equal(stamps.data[4 * (15 * 40 + 20) + 3], 0);
});

test("marks over the edge are cut, not wrapped", () => {
  const stamps = sheet();
  stamps.disc(0, 15, 4, ink("#ffffff", 1));
  stamps.disc(-50, 200, 4, ink("#ffffff", 1));
  const right = alphas(stamps).filter((_, i) => i % 40 > 20);
  assert.equal(Math.max(...right), 0);
  assert.ok(Math.abs(covered(stamps) - (Math.PI * 16) / 2) < 3);
});

test("ink over ink mixes by opacity and never overflows", () => {
  const stamps = sheet();
  stamps.disc(20, 15, 5, ink("#ffffff", 0.5));
  stamps.disc(20, 15, 5, ink("#000000", 0.5));
  const at = 4 * (15 * 40 + 20);
  assert.ok(Math.abs((stamps.data[at + 3] as number) - 191) <= 1);
  assert.ok(Math.abs((stamps.data[at] as number) - 85) <= 2);
});
