/** An answer token by token: shaded by surprise; the one under the pointer, or chosen by the arrow keys, with the alternatives at its place. */
import "./token-view.css";
import { type KeyboardEvent, useId, useState } from "react";
import { type AnswerToken, percent, surpriseOf, visible } from "./tokens.ts";

const moves: Readonly<Record<string, (at: number, last: number) => number>> = {
  ArrowRight: (at, last) => Math.min(at + 1, last),
  ArrowLeft: at => Math.max(at - 1, 0),
  Home: () => 0,
  End: (_, last) => last,
};

function Alternatives({ token }: { readonly token: AnswerToken }) {
  const isDrawn = (text: string, logprob: number) => text === token.text && Math.abs(logprob - token.logprob) < 1e-6;
  const all = token.alternatives.some(a => isDrawn(a.text, a.logprob)) ? token.alternatives : [...token.alternatives, token];
  return (
    <table className="bits alternatives">
      <caption>Most likely tokens at this position</caption>
      <tbody>
        {all.map(({ text, logprob }, i) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: two tokens may have the same text.
          <tr key={i} className={isDrawn(text, logprob) ? "is-model" : ""}>
            <th scope="row">
              <code>{visible(text)}</code>
              {isDrawn(text, logprob) && <span className="hidden"> (sampled)</span>}
            </th>
            <td className="bits-bar" aria-hidden="true">
              <i style={{ width: `${100 * Math.exp(logprob)}%` }} />
            </td>
            <td className="number">{percent(logprob)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function TokenView({ tokens }: { readonly tokens: readonly AnswerToken[] }) {
  const [at, setAt] = useState(0);
  const id = useId();
  const chosen = tokens[Math.min(at, tokens.length - 1)];
  const press = (e: KeyboardEvent) => {
    const move = moves[e.key];
    if (!move) return;
    e.preventDefault();
    setAt(move(at, tokens.length - 1));
  };
  return (
    <div className="token-view">
      <div
        className="written tokens"
        role="listbox"
        tabIndex={0}
        aria-label="Tokens with their probabilities; arrow keys move"
        aria-activedescendant={`${id}-${at}`}
        onKeyDown={press}
      >
        {tokens.map((token, i) => (
          // biome-ignore lint/a11y/useFocusableInteractive: the list has the focus and names the chosen option.
          <span
            // biome-ignore lint/suspicious/noArrayIndexKey: tokens of an answer never move.
            key={i}
            id={`${id}-${i}`}
            role="option"
            aria-selected={i === at}
            aria-label={`${visible(token.text)}, ${percent(token.logprob)}`}
            className={`token surprise-${surpriseOf(token)}${/^\n/.test(token.text) ? " breaks" : ""}`}
            onMouseEnter={() => setAt(i)}
          >
            {token.text}
          </span>
        ))}
      </div>
      {chosen && <Alternatives token={chosen} />}
    </div>
  );
}
