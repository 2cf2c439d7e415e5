import assert from "node:assert/strict";
import { test } from "node:test";
import { bestMatch, blurred, placedAtoms, rendered } from "../src/draw/forward_image.js";

const GRID = { rows: 90, columns: 90, x_A: 10, y_A: 20, pixelA: 0.1 };

/** Eleven carbon atoms and a silicon atom about (14.5, 24.5) Å of the frame. */
function structure(): string {
  const lines = ["Si 4.5 4.5 0.4"];
  for (let i = 0; i < 11; i += 1) {
    const angle = (2 * Math.PI * i) / 11;
    lines.push(`C ${4.5 + 3.2 * Math.cos(angle)} ${4.5 + 2.6 * Math.sin(angle)} 0`);
  }
  const comment = 'Lattice="9 0 0 0 9 0 0 0 15" Properties=species:S:1:pos:R:3 origin_A="10.0 20.0" pbc="F F F"';
  return [String(lines.length), comment, ...lines, ""].join("\n");
}

test("a structure is read at its place in the frame", () => {
  const atoms = placedAtoms(structure());
  assert.equal(atoms.symbols[0], "Si");
  assert.ok(Math.abs((atoms.x_A[0] as number) - 14.5) < 1e-12);
  assert.ok(Math.abs((atoms.y_A[0] as number) - 24.5) < 1e-12);
  assert.throws(() => placedAtoms("<!doctype html>"), /not extended XYZ/);
});

test("an atom is brightest at its own pixel, silicon brighter than carbon by its number", () => {
  const atoms = placedAtoms('2\norigin_A="10 20"\nSi 2 3 0\nC 7 3 0\n');
  const { levels } = rendered(atoms, GRID, 0.4);
  const silicon = levels[30 * 90 + 20] as number;
  const carbon = levels[30 * 90 + 70] as number;
  assert.equal(Math.max(...levels), silicon);
  assert.ok(Math.abs(silicon / carbon - (14 / 6) ** 1.64) < 1e-3);
});

test("the probe that made an image is found again, and a shifted structure fits worse", () => {
  const atoms = placedAtoms(structure());
  const measured = rendered(atoms, GRID, 0.5);
  const match = bestMatch(atoms, measured);
  assert.equal(match.sigmaA, 0.5);
  assert.ok(match.correlation > 0.999);
  const shifted = { ...atoms, x_A: atoms.x_A.map((x) => x + 0.7) };
  assert.ok(bestMatch(shifted, measured).correlation < 0.9);
});

test("smoothing keeps the sum of a spot and widens it as a Gaussian would", () => {
  const spot = placedAtoms('1\norigin_A="10 20"\nC 4.5 4.5 0\n');
  const wide = rendered(spot, GRID, 0.5);
  const made = blurred(rendered(spot, GRID, 0.3), 0.4);
  const scale = (0.3 / 0.5) ** 2;
  const worst = Math.max(...wide.levels.map((v, i) => Math.abs(v * scale - (made.levels[i] as number))));
  assert.ok(worst < 0.01 * Math.max(...made.levels));
});

test("shot noise lowers the raw correlation and not the smoothed one", () => {
  const atoms = placedAtoms(structure());
  const clean = rendered(atoms, GRID, 0.45);
  let seed = 7;
  const noise = (): number => {
    seed = (seed * 48271) % 2147483647;
    return seed / 2147483647 - 0.5;
  };
  const noisy = { ...clean, levels: clean.levels.map((v) => v + 120 * noise()) };
  const match = bestMatch(atoms, noisy);
  assert.ok(match.correlation < 0.75);
  assert.ok(match.smoothed > 0.9);
});
