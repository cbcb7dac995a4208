/** The largest groups of copies: who stays, who went, and what two of them differ in. */

import { formatCount } from "../format.ts";
import type { DataReport } from "../generated/server.ts";
import { showValue } from "./rules.tsx";

type Cluster = DataReport["clusters"]["largest"][number];

const marks = { first: "−", second: "+", both: " ", "left out": "…" } as const;

const Diff = ({ diff }: { readonly diff: NonNullable<Cluster["diff"]> }) => (
  <>
    <p className="hint">
      − <code>{diff.first}</code>
      <br />+ <code>{diff.second}</code>
    </p>
    <ol className="diff">
      {diff.lines.map((line, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a line is its place.
        <li key={i} className={line.in.replace(" ", "-")}>
          <span aria-hidden="true">{marks[line.in]}</span>
          {line.in === "first" && <span className="hidden">only in the first: </span>}
          {line.in === "second" && <span className="hidden">only in the second: </span>}
          {line.text}
        </li>
      ))}
    </ol>
  </>
);

export const Clusters = ({ clusters }: { readonly clusters: readonly Cluster[] }) => (
  <>
    {clusters.map(c => (
      <details key={c.survivor} className="examples cluster">
        <summary>
          {formatCount(c.size)} alike; {c.stay > 1 && `${formatCount(c.stay)} stay, for most `}
          <code>{c.survivor}</code>
          {c.stay === 1 && " stays"}
        </summary>
        <ul>
          {c.members.map(m => (
            <li key={m.id}>
              <b>{showValue(m.value)}</b> {m.rule} <code>{m.id}</code>
            </li>
          ))}
          {c.size - c.stay > c.members.length && <li>and {formatCount(c.size - c.stay - c.members.length)} more</li>}
        </ul>
        {c.diff && <Diff diff={c.diff} />}
      </details>
    ))}
  </>
);
