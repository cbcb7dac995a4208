/** What a run cost, with everything behind it: by category as a bar, and by run as a table. */
import { api } from "../api.ts";
import { formatNumber, formatShare } from "../format.ts";
import type { RunCost } from "../generated/server.ts";
import { NumberTable } from "../parts/number-table.tsx";
import { useResource } from "../resource.ts";

const seconds = (n: number): string => `${formatNumber(n)} s`;
/** As the command line writes it. */
const money = (usd: number): string => (usd > 0 && usd < 1e-4 ? "<$0.0001" : `$${Number(usd.toPrecision(3))}`);
type Amounts = Pick<RunCost["total"], "coreSeconds" | "flops" | "kilowattHours" | "usd">;
const cells = ({ coreSeconds, flops, kilowattHours, usd }: Amounts): string[] => [
  seconds(coreSeconds),
  formatNumber(flops / 1e9),
  formatNumber(1000 * kilowattHours),
  money(usd),
];

const runsText = ({ runs, unfinished, withoutLedger }: RunCost["lines"][number]): string =>
  runs === withoutLedger ? "no ledger" : unfinished > 0 ? `${runs}, ${unfinished} unfinished` : String(runs);

function ShareBar({ categories }: Pick<RunCost, "categories">) {
  return (
    <ul className="cost-bar" aria-label="Shares of core-seconds">
      {categories.map(c => (
        <li
          key={c.category}
          className={`cost-${c.category}`}
          style={{ flexGrow: c.share }}
          title={`${c.category}: ${formatShare(c.share)}`}
        >
          <span>{c.share > 0.08 ? `${c.category} ${formatShare(c.share)}` : ""}</span>
        </li>
      ))}
    </ul>
  );
}

export function RunCostCard({ artifact, name }: { readonly artifact: string; readonly name: string }) {
  const { data: cost } = useResource(`cost ${artifact}`, signal => api.runCost(artifact, signal), { on: ["runs", "artifacts"] });
  if (!cost) return null;
  const { lines, categories, total, totalWithoutSweeps, notes } = cost;
  const hasSweeps = totalWithoutSweeps.coreSeconds < total.coreSeconds;
  return (
    <section className="card costs" aria-label={`Cost of ${name}`}>
      <header className="card-head">
        <h2>Cost of {name}</h2>
        <p>Processor time of everything behind it: data, tokenizer, searches, training, evaluations.</p>
      </header>
      <ShareBar categories={categories} />
      <NumberTable
        head={["Category", "Share", "Core-seconds", "GFLOP", "Wh", "Money"]}
        rows={[
          ...categories.map(c => [c.category, formatShare(c.share), ...cells(c)]),
          [<b key="total">total</b>, "", ...cells(total)],
          ...(hasSweeps ? [["without sweeps", "", ...cells(totalWithoutSweeps)]] : []),
        ]}
      />
      <details className="examples">
        <summary>Run by run</summary>
        <NumberTable
          head={["Made", "Stage", "Runs", "Core-seconds", "GFLOP", "Wh", "Money", "MFU"]}
          rows={lines.map(l => [l.what, l.stage, runsText(l), ...cells(l), l.mfu === null ? "" : formatShare(l.mfu)])}
        />
      </details>
      <ul className="cost-notes">
        {notes.map(n => (
          <li key={n}>{n}</li>
        ))}
      </ul>
    </section>
  );
}
