/** Bits per byte of an evaluation as bars with their numbers, best first, models beside the baselines of the same run. */

import { formatBytes, formatCount, formatFixed, formatWait } from "../format.ts";
import type { BitsReport, BitsScore as Score } from "../generated/server.ts";

const byScore = (a: Score, b: Score) => (a.bitsPerByte ?? Number.POSITIVE_INFINITY) - (b.bitsPerByte ?? Number.POSITIVE_INFINITY);

/** How one score stands to another, in words: both are bits, so their ratio is one of sizes. */
function beside(score: number, model: number): string {
  const ratio = score / model - 1;
  if (Math.abs(ratio) < 0.0005) return "equal";
  return `${Math.abs(ratio * 100).toFixed(1)} % ${ratio > 0 ? "larger" : "smaller"}`;
}

export function Bits({ artifact, report }: { readonly artifact: string; readonly report: BitsReport }) {
  const { heldOut, scores } = report;
  const sorted = scores.toSorted(byScore);
  const most = Math.max(...scores.map(s => s.bitsPerByte ?? 0), Number.MIN_VALUE);
  const model = scores.find(s => s.kind === "model")?.bitsPerByte ?? null;
  return (
    <section className="card" aria-labelledby={`bits-${artifact}`}>
      <header className="card-head">
        <h2 id={`bits-${artifact}`}>Held-out bits per byte</h2>
        <p>
          Lower is better. {formatCount(heldOut.documents)} documents, {formatBytes(heldOut.bytes)}, {formatCount(heldOut.tokens)} tokens.
        </p>
      </header>
      <div className="scrolled">
        <table className="bits">
          <thead>
            <tr>
              <th scope="col">Coder</th>
              <th scope="col">
                <span className="hidden">Bar</span>
              </th>
              <th scope="col" className="number">
                Bits per byte
              </th>
              <th scope="col" className="number wide">
                Beside the model
              </th>
              <th scope="col" className="number wide">
                Took
              </th>
            </tr>
          </thead>
          <tbody>
            {sorted.map(s => (
              <tr key={s.name} className={s.kind === "model" ? "is-model" : ""}>
                <th scope="row">{s.name}</th>
                <td className="bits-bar" aria-hidden="true">
                  <i style={{ width: `${(100 * (s.bitsPerByte ?? 0)) / most}%` }} />
                </td>
                <td className="number">{formatFixed(s.bitsPerByte, 3)}</td>
                <td className="number wide">
                  {s.kind === "model" || s.bitsPerByte === null || model === null ? "" : beside(s.bitsPerByte, model)}
                </td>
                <td className="number wide">{formatWait(s.ms)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
