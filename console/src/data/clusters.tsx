/** The largest groups of copies: who stays, who went, and what two of them differ in. */

import { formatCount } from "../format.ts";
import type { DataReport } from "../generated/server.ts";
import { DiffLines } from "./diff.tsx";
import { showValue } from "./rules.tsx";

type Cluster = DataReport["clusters"]["largest"][number];

const Diff = ({ diff }: { readonly diff: NonNullable<Cluster["diff"]> }) => (
  <>
    <p className="hint">
      − <code>{diff.first}</code>
      <br />+ <code>{diff.second}</code>
    </p>
    <DiffLines lines={diff.lines} />
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
