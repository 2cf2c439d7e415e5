/** Pictures that came with an answer. */

import type { AnswerView } from "../../generated/messages.js";

export function Pictures({ answer }: { answer: AnswerView }) {
  const shown = answer.attachments.filter(
    ({ role, media_type: media }) => role === "picture" && media === "image/png",
  );
  if (shown.length === 0 || !answer.files_kept) return null;
  const root = `/api/v1/answers/${encodeURIComponent(answer.roi)}/files`;
  return (
    <div class="pictures" data-testid="pictures">
      {shown.map(({ name }) => (
        <figure key={name} class="picture">
          <img
            src={`${root}/${encodeURIComponent(name)}?job=${encodeURIComponent(answer.job)}`}
            alt={name}
          />
          <figcaption class="picture-name">{name}</figcaption>
        </figure>
      ))}
    </div>
  );
}
