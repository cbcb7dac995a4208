/** Which tokens a tuned model was trained on: its first examples as its template wrote them, what is learnt marked. */

import { formatCount, formatShare } from "../format.ts";
import type { MaskedExamples } from "../generated/server.ts";

/** Stages that train on examples. */
const onExamples = /^tune-(?:instruct|distill|preference|ratings)\b/;
export const hasMasks = (stage: string): boolean => onExamples.test(stage);

type Shown = MaskedExamples["shown"][number];

/** Ends of lines are shown where they are learnt. */
const textOf = ({ trained, text }: Shown["runs"][number]): string => (trained ? text.replaceAll("\n", "⏎\n") : text);

const Example = ({ place, tokens, trained, cut, runs }: Shown) => (
  <li>
    <p>
      {place}: {formatCount(tokens)} tokens, {formatCount(trained)} trained{cut > 0 ? `, ${formatCount(cut)} cut` : ""}
    </p>
    <pre className="code masks">
      {runs.map((run, i) => {
        const key = `${i} ${run.tokens}`;
        return run.trained ? <mark key={key}>{textOf(run)}</mark> : <span key={key}>{textOf(run)}</span>;
      })}
    </pre>
  </li>
);

export const Masks = ({ artifact, examples: e }: { readonly artifact: string; readonly examples: MaskedExamples }) => (
  <section className="card" aria-labelledby={`masks-${artifact}`}>
    <header className="card-head">
      <h2 id={`masks-${artifact}`}>Trained tokens</h2>
      <p>
        Marked tokens are trained, the others only read: {formatShare(e.tokens === 0 ? null : e.trainedTokens / e.tokens)} of{" "}
        {e.looked < e.of ? `the first ${formatCount(e.looked)} of ` : ""}
        {formatCount(e.of)} examples.
      </p>
    </header>
    <ol className="masked">
      {e.shown.map(shown => (
        <Example key={shown.place} {...shown} />
      ))}
    </ol>
    <p className="hint">
      Token by token, and before anything is tuned: <code>loam tune preview MODEL --page masks.html</code>
    </p>
  </section>
);
