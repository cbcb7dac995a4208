/** The ledgers of two artifacts beside each other: core-seconds, operations, energy, money, utilisation, as `loam train cost --against`. */
import { api } from "../api.ts";
import { formatNumber, formatShare, none } from "../format.ts";
import type { RunCost } from "../generated/server.ts";
import { Loaded } from "../parts/notice.tsx";
import { NumberTable } from "../parts/number-table.tsx";
import { useResource } from "../resource.ts";
import { ledgerRows } from "./ledger-rows.ts";

const mfuOf = ({ lines }: RunCost): string => {
  const last = lines.findLast(l => l.mfu !== null);
  return last ? formatShare(last.mfu) : none;
};

interface LedgersProps {
  readonly first: { readonly artifact: string; readonly name: string };
  readonly second: { readonly artifact: string; readonly name: string };
}

export function Ledgers({ first, second }: LedgersProps) {
  const costs = useResource(
    `costs ${first.artifact} ${second.artifact}`,
    signal => Promise.all([api.runCost(first.artifact, signal), api.runCost(second.artifact, signal)]),
    { on: ["runs", "artifacts"] },
  );
  return (
    <Loaded resource={costs} what="the ledgers">
      {([a, b]) => {
        const { rows, isSameMachine } = ledgerRows(a, b);
        return (
          <>
            <NumberTable
              head={["Amount", first.name, second.name, "First / second"]}
              rows={[
                ...rows.map(r => [r.name, formatNumber(r.first), formatNumber(r.second), r.ratio === null ? none : formatNumber(r.ratio)]),
                ["MFU", mfuOf(a), mfuOf(b), ""],
              ]}
            />
            {!isSameMachine && (
              <p className="hint">
                The two ran on different machines: core-seconds, energy and money are not compared. Operations are the same everywhere.
              </p>
            )}
            <ul className="cost-notes">
              {[...new Set([...a.notes, ...b.notes])].map(n => (
                <li key={n}>{n}</li>
              ))}
            </ul>
          </>
        );
      }}
    </Loaded>
  );
}
