/** Served versions with what they did in the last hour. */
import { formatCount, formatNumber, formatShare, formatWait, none } from "../format.ts";
import type { WatchModel } from "../generated/watch.ts";

interface VersionsProps {
  readonly of: readonly WatchModel[];
  readonly chosen: string | undefined;
  onChoose(model: string): void;
}

/** `mail@3#shadow` as what it is. */
const shownName = (model: string): { readonly name: string; readonly tag: string | null } => {
  if (model === "") return { name: "no model", tag: null };
  if (model.startsWith("gateway:")) return { name: model.slice("gateway:".length), tag: "gateway" };
  const [name, kind] = model.split("#") as [string, string | undefined];
  return { name, tag: kind ?? null };
};

export const WatchedVersions = ({ of, chosen, onChoose }: VersionsProps) => (
  <section aria-label="Versions, last hour">
    <div className="table-frame">
      <table className="rows">
        <thead>
          <tr>
            <th scope="col">Last hour</th>
            <th scope="col" className="number">
              Requests
            </th>
            <th scope="col" className="number">
              Errors
            </th>
            <th scope="col" className="number wide">
              Median latency
            </th>
            <th scope="col" className="number">
              95 % within
            </th>
            <th scope="col" className="number wide">
              Tokens per second
            </th>
          </tr>
        </thead>
        <tbody>
          {of.map(({ model, requests, errors, figures }) => {
            const { name, tag } = shownName(model);
            return (
              <tr key={model} className={model === chosen ? "is-chosen" : ""}>
                <th scope="row">
                  <button type="button" className="link" aria-pressed={model === chosen} onClick={() => onChoose(model)}>
                    {name}
                  </button>{" "}
                  {tag && <span className="tag">{tag}</span>}
                </th>
                <td className="number">{formatCount(requests)}</td>
                <td className="number">{requests === 0 ? none : formatShare(errors / requests)}</td>
                <td className="number wide">{formatWait(figures["latency-p50"])}</td>
                <td className="number">{formatWait(figures["latency-p95"])}</td>
                <td className="number wide">{formatNumber(figures["tokens-per-second"])}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  </section>
);
