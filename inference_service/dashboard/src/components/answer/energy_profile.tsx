/** The energy along a path of least energy: one point for each image of the band. */

import { fixed } from "../figures.js";

const WIDTH = 300;
const HEIGHT = 96;
const LEFT = 40;
const RIGHT = 8;
const TOP = 16;
const BOTTOM = 16;

export function EnergyProfile({ energies }: { energies: readonly number[] }) {
  if (energies.length < 2) return null;
  const highest = Math.max(...energies);
  const lowest = Math.min(...energies, 0);
  const span = Math.max(highest - lowest, 1e-6);
  const x = (i: number): number =>
    LEFT + ((WIDTH - LEFT - RIGHT) * i) / (energies.length - 1);
  const y = (value: number): number => TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - lowest) / span);
  const top = energies.indexOf(highest);
  const path = energies.map((value, i) => `${i === 0 ? "M" : "L"}${x(i)} ${y(value)}`).join(" ");
  return (
    <svg
      class="profile"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={`Energy along the path: highest image ${top + 1} of ${energies.length}, ${fixed(highest, 3)} eV`}
    >
      <line class="axis" x1={LEFT} x2={WIDTH - RIGHT} y1={y(0)} y2={y(0)} />
      <text x={LEFT - 6} y={y(0) + 4} text-anchor="end">
        0 eV
      </text>
      <path class="curve" d={path} />
      {energies.map((value, i) => (
        <circle key={i} class={i === top ? "saddle" : ""} cx={x(i)} cy={y(value)} r={i === top ? 4 : 2.5}>
          <title>
            image {i + 1}: {fixed(value, 3)} eV
          </title>
        </circle>
      ))}
      <text x={x(top)} y={y(highest) - 7} text-anchor="middle">
        {fixed(highest, 2)} eV
      </text>
      <text x={(LEFT + WIDTH - RIGHT) / 2} y={HEIGHT - 3} text-anchor="middle">
        along the path
      </text>
    </svg>
  );
}
