/** What single recipes have to say beyond an energy. */

import type { ComponentChildren } from "preact";
import type {
  AdsorptionReport,
  AnswerView,
  BarrierReport,
  DynamicsReport,
  ImageReport,
} from "../../generated/messages.js";
import { fixed, percent } from "../figures.js";
import { EnergyProfile } from "./energy_profile.js";
import { NoBarYet, type Parts, TOTAL } from "./error_bar.js";
import { Bonds } from "./geometry.js";

export function ReportView({ answer, parts }: { answer: AnswerView; parts: Parts | null }) {
  const { report } = answer.result;
  switch (report?.kind) {
    case "adsorption":
      return <Adsorption report={report} answer={answer} parts={parts} />;
    case "barrier":
      return <Barrier report={report} answer={answer} parts={parts} />;
    case "dynamics":
      return <Dynamics report={report} />;
    case "image":
      return <Picture report={report} />;
    default:
      return null;
  }
}

interface Props<Report> {
  readonly report: Report;
  readonly answer: AnswerView;
  readonly parts: Parts | null;
}

function Adsorption({ report, answer, parts }: Props<AdsorptionReport>) {
  const rest = report.found_at === report.site ? "and stayed" : `and came to rest: ${report.found_at}`;
  return (
    <>
      <Headline name={`Binding of ${report.adsorbate}`} value={report.binding_eV}>
        <Error answer={answer} parts={parts} />
        <span class="note">
          {report.binding_eV > 0 ? "bound" : "not bound"}: E(sheet) + E({report.adsorbate}) − E(both),
          positive where bound
        </span>
      </Headline>
      <dl class="facts">
        <Fact name="Site">
          started {report.site} {rest}
        </Fact>
        <Fact name={`${report.adsorbate}–C`}>
          {report.n_touching === 0
            ? "touches no carbon"
            : `${fixed(report.distance_A, 3)} Å to ${report.n_touching} C, ${fixed(report.height_A, 3)} Å above them`}
        </Fact>
      </dl>
    </>
  );
}

function Barrier({ report, answer, parts }: Props<BarrierReport>) {
  return (
    <>
      <Headline name="Barrier" value={report.barrier_eV}>
        <Error answer={answer} parts={parts} />
        <span class="note">
          {report.what}; end {fixed(report.reaction_eV, 3)} eV above the start
        </span>
      </Headline>
      <EnergyProfile energies={report.energies_eV} />
    </>
  );
}

function Dynamics({ report }: { report: DynamicsReport }) {
  const changed = report.rings_changed_at_fs;
  return (
    <>
      <dl class="facts">
        <Fact name="Temperature">
          {fixed(report.mean_temperature_K, 0)} K
          <span class="note">
            mean of the second half; {fixed(report.temperature_K, 0)} K wanted, {report.thermostat}
          </span>
        </Fact>
        <Fact name="Length">
          {fixed(report.done_fs, 0)} of {fixed(report.planned_fs, 0)} fs
          <span class="note">
            in steps of {fixed(report.timestep_fs, 2)} fs
            {report.drift_eV === null ? "" : `; conserved quantity drifted ${fixed(report.drift_eV, 4)} eV`}
          </span>
        </Fact>
        <Fact name="Rings">
          {changed === null ? "kept to the end" : <b>changed for good at {fixed(changed, 0)} fs</b>}
        </Fact>
      </dl>
      <Bonds bonds={report.ring_bonds_A} caption="C–C at the end by ring size, Å" kind="ring" />
    </>
  );
}

function Picture({ report }: { report: ImageReport }) {
  return (
    <dl class="facts">
      <Fact name="Model against measurement">
        {report.correlation === null ? "no pixels to compare with" : `correlation ${fixed(report.correlation, 3)}`}
        <span class="note">
          probe σ {fixed(report.probe_sigma_A, 2)} Å, pixels of {fixed(report.pixel_size_A, 3)} Å
          {report.residual_share === null ? "" : `; ${percent(report.residual_share)} of the variance unexplained`}
        </span>
      </Fact>
    </dl>
  );
}

function Headline({ name, value, children }: { name: string; value: number; children: ComponentChildren }) {
  return (
    <dl class="energies">
      <div>
        <dt>{name}</dt>
        <dd>
          <span class="energy">{fixed(value, 3)} eV</span>
          {children}
        </dd>
      </div>
    </dl>
  );
}

function Error({ answer, parts }: { answer: AnswerView; parts: Parts | null }) {
  const total = parts?.[TOTAL];
  if (total === undefined) return <NoBarYet answer={answer} />;
  return <span class="energy-error"> ± {fixed(total, 3)} eV</span>;
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
