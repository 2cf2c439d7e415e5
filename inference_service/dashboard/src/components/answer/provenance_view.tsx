/** The chain from detector counts to this number, with what the service could recompute of it. */

import { useEffect, useState } from "preact/hooks";
import type { AnswerView, Chain, ChainLink } from "../../generated/messages.js";
import { json } from "../../live/measured.js";

const STATES: Readonly<Record<ChainLink["state"], { icon: string; text: string }>> = {
  matches: { icon: "✓", text: "recomputed here: the same" },
  differs: { icon: "✕", text: "recomputed here: NOT the same" },
  not_here: { icon: "○", text: "its content is not kept here" },
  not_stated: { icon: "–", text: "not stated" },
};

export function ProvenanceView({ answer }: { answer: AnswerView }) {
  const [open, setOpen] = useState(false);
  return (
    <details
      class="provenance"
      onToggle={(event) => setOpen((event.currentTarget as HTMLDetailsElement).open)}
    >
      <summary>Where this number comes from</summary>
      {open ? <Links answer={answer} /> : null}
    </details>
  );
}

function Links({ answer }: { answer: AnswerView }) {
  const [chain, setChain] = useState<Chain | string>("checking…");
  const path = `/api/v1/answers/${encodeURIComponent(answer.roi)}/provenance?job=${encodeURIComponent(answer.job)}`;
  useEffect(() => {
    let wanted = true;
    json<Chain>(path).then(
      (found) => wanted && setChain(found),
      (error: unknown) => wanted && setChain(`Cannot check it: ${String(error)}`),
    );
    return () => {
      wanted = false;
    };
  }, [path]);
  if (typeof chain === "string") return <p class="aside">{chain}</p>;
  return (
    <>
      <ol class="chain" data-testid="chain">
        {chain.links.map((link) => (
          <Link key={link.name} link={link} />
        ))}
      </ol>
      <p class="aside">
        {chain.intact ? "Every link that could be recomputed holds." : "A link does not hold: do not trust this number."}{" "}
        {chain.software}
        {chain.settings === null ? "" : `; ${chain.settings}`}.{" "}
        <a href={path}>JSON</a> <a href={`${path}&format=ro-crate`}>JSON-LD</a>
      </p>
    </>
  );
}

function Link({ link }: { link: ChainLink }) {
  const { icon, text } = STATES[link.state];
  return (
    <li class={`chain-link ${link.state}`} title={`${link.what}; ${text}`}>
      <span aria-label={text} role="img">
        {icon}
      </span>{" "}
      <span class="chain-name">{link.name}</span>
      {link.digest === null ? (
        <span class="aside">not stated</span>
      ) : (
        <Digest name={link.name} digest={link.digest} />
      )}
    </li>
  );
}

function Digest({ name, digest }: { name: string; digest: string }) {
  const [copied, setCopied] = useState(false);
  const copy = (): void => {
    // Absent where the page came over plain HTTP from another host; the hash can be selected.
    void navigator.clipboard?.writeText(digest).then(() => {
      setCopied(true);
      window.setTimeout(() => setCopied(false), 1500);
    });
  };
  return (
    <>
      <code class="digest" title={digest}>
        {digest.slice(0, 16)}…
      </code>
      <button type="button" class="quiet-button" aria-label={`Copy the hash of ${name}`} onClick={copy}>
        {copied ? "copied" : "copy"}
      </button>
    </>
  );
}
