/** Everything of an answer to take home: structures, files, and the whole as one archive. */

import type { ComponentChildren } from "preact";
import type { AnswerView, Attachment } from "../../generated/messages.js";
import { store, type StructureChoice } from "../../state/store.js";
import { bytes } from "../figures.js";
import { structurePath } from "../structure_panel.js";

const FORMS = ["extxyz", "cif", "poscar"] as const;

export function Downloads({ answer, title }: { answer: AnswerView; title: string }) {
  const { level } = answer.result;
  const choice: StructureChoice = { roi: answer.roi, job: answer.job, level, title };
  const input = hasInput(answer);
  return (
    <dl class="downloads">
      <Row name="Final structure">
        <a class="download" href={structurePath(choice)} download aria-label="extxyz of the final structure">
          extxyz
        </a>
        <Converted path={structurePath(choice)} />
        <button class="download" type="button" onClick={() => store.set({ structure: choice })}>
          Show in 3D
        </button>
      </Row>
      {input ? (
        <Row name="Input structure">
          <a class="download" href={`${structurePath(choice)}&which=input`} download aria-label="extxyz of the input structure">
            extxyz
          </a>
          <Converted path={`${structurePath(choice)}&which=input`} />
        </Row>
      ) : null}
      <Files answer={answer} />
    </dl>
  );
}

function Converted({ path }: { path: string }) {
  return (
    <>
      {FORMS.slice(1).map((form) => (
        <a key={form} class="download" href={`${path}&format=${form}`} download>
          {form === "poscar" ? "POSCAR" : "CIF"}
        </a>
      ))}
    </>
  );
}

function Files({ answer }: { answer: AnswerView }) {
  const { attachments, files_kept: kept, note } = answer;
  const query = `?job=${encodeURIComponent(answer.job)}`;
  const root = `/api/v1/answers/${encodeURIComponent(answer.roi)}`;
  return (
    <>
      {attachments.length === 0 ? null : (
        <Row name="Files" testId="files">
          {attachments.map((file) =>
            kept ? (
              <a
                key={file.name}
                class="download"
                href={`${root}/files/${encodeURIComponent(file.name)}${query}`}
                title={`${file.role}, ${bytes(file.nbytes)}, BLAKE3 ${file.digest}`}
                download
              >
                {file.name} <span class="aside">{bytes(file.nbytes)}</span>
              </a>
            ) : (
              <span key={file.name} class="aside">
                {file.name} ({bytes(file.nbytes)})
              </span>
            ),
          )}
        </Row>
      )}
      {kept ? (
        <Row name="All of it">
          <a class="download" href={`${root}/crate${query}`} download>
            RO-Crate (zip)
          </a>
        </Row>
      ) : (
        <Row name="Forgotten">
          <span class="aside">
            The service let go of these files to make room; the dispatcher's ledger has them.
          </span>
        </Row>
      )}
      {note === null ? null : (
        <Row name="Left out">
          <span class="aside">{note}</span>
        </Row>
      )}
    </>
  );
}

interface RowProps {
  readonly name: string;
  readonly testId?: string;
  readonly children: ComponentChildren;
}

function Row({ name, testId, children }: RowProps) {
  return (
    <div class="download-row" data-testid={testId}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function hasInput({ attachments, provenance, files_kept: kept }: AnswerView): boolean {
  const isInput = (file: Attachment): boolean =>
    file.digest === provenance.structure || (file.role === "input" && /\.(ext)?xyz$/.test(file.name));
  return kept && attachments.some(isInput);
}
