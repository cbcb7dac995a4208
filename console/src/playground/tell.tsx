/** A model that continues nothing, asked about a text: its classes with their probabilities, or its number. */
import { type SyntheticEvent, useState } from "react";
import { api } from "../api.ts";
import { type Failure, failureOf } from "../failure.ts";
import { formatFixed } from "../format.ts";
import { Icon } from "../parts/icons.tsx";
import { FailureNotice } from "../parts/notice.tsx";

interface Told {
  readonly text: string;
  readonly rows: readonly (readonly [string, number])[];
}

export function Tell({ model, tells }: { readonly model: string; readonly tells: "vectors" | "classes" | "numbers" }) {
  const [text, setText] = useState("");
  const [told, setTold] = useState<Told | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [isAsking, setAsking] = useState(false);
  if (tells === "vectors")
    return (
      <p className="hint">
        {model} computes embeddings: send requests to <code>/v1/embeddings</code>.
      </p>
    );
  const ask = (e: SyntheticEvent) => {
    e.preventDefault();
    if (isAsking || text.trim() === "") return;
    setAsking(true);
    const answer: Promise<Told["rows"]> =
      tells === "classes" ? api.classify(model, text) : api.regress(model, text).then(numbers => numbers.map(n => ["", n] as const));
    answer
      .then(
        rows => {
          setTold({ text, rows });
          setFailure(null);
        },
        (error: unknown) => setFailure(failureOf(error)),
      )
      .finally(() => setAsking(false));
  };
  return (
    <>
      <form className="composer" onSubmit={ask}>
        <label className="hidden" htmlFor="prompt">
          A text for the model to judge
        </label>
        <textarea
          id="prompt"
          rows={4}
          value={text}
          placeholder="A text for the model to judge …"
          onChange={e => setText(e.target.value)}
          onKeyDown={e => {
            if (e.key === "Enter" && (e.ctrlKey || e.metaKey) && !e.nativeEvent.isComposing) ask(e);
          }}
        />
        <div className="composer-end">
          <span className="hint">
            <code>/v1/models/{model}</code>
          </span>
          <button type="submit" className="primary" disabled={isAsking || text.trim() === ""}>
            Ask <Icon name="send" />
          </button>
        </div>
      </form>
      {failure && <FailureNotice failure={failure} />}
      {told && (
        <article className="exchange completion" aria-label="Prediction" role="status">
          <p className="written">
            <span className="given">{told.text}</span>
          </p>
          <table className="bits">
            <tbody>
              {told.rows.map(([name, value], i) => (
                <tr key={name} className={i === 0 ? "is-model" : ""}>
                  <th scope="row">{name}</th>
                  {tells === "classes" && (
                    <td className="bits-bar" aria-hidden="true">
                      <i style={{ width: `${100 * value}%` }} />
                    </td>
                  )}
                  <td className="number">{formatFixed(value, 3)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </article>
      )}
    </>
  );
}
