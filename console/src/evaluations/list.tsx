/** Every evaluation of the project as a table: sorted, filtered and searched by what the address says; two of one task are chosen to be compared. */
import "./list.css";
import { choose, useChoice } from "../choices.ts";
import { formatAgo, formatCount, formatMoment } from "../format.ts";
import type { ListedEvaluation } from "../generated/evaluations.ts";
import { CopyButton } from "../parts/copy.tsx";
import { Empty } from "../parts/notice.tsx";
import { Pick } from "../parts/pick.tsx";
import { routeHash } from "../route.ts";
import { figure } from "./figures.tsx";
import { comparable, listCsv, wantedEvaluations } from "./listing.ts";

interface HeadProps {
  readonly name: string;
  readonly sort: string;
  readonly current: string;
  readonly isWide?: boolean;
  /** The order that a second press gives. */
  readonly reverse?: string;
}

const Head = ({ name, sort, current, isWide = false, reverse }: HeadProps) => {
  const isOwn = current === sort || current === reverse;
  const isDescending = ["newest", "score", "items"].includes(current);
  return (
    <th scope="col" className={isWide ? "wide" : ""} aria-sort={isOwn ? (isDescending ? "descending" : "ascending") : "none"}>
      <button
        type="button"
        className="sorted-head"
        onClick={() => choose({ sort: (current === sort && reverse ? reverse : sort).replace(/^newest$/, "") })}
      >
        {name} <span aria-hidden="true">{isOwn ? (isDescending ? "↓" : "↑") : ""}</span>
      </button>
    </th>
  );
};

export function EvaluationList({ all }: { readonly all: readonly ListedEvaluation[] }) {
  const [sort] = useChoice("sort", "newest");
  const [find, setFind] = useChoice("find");
  const [kind, setKind] = useChoice("kind");
  const [model, setModel] = useChoice("model");
  const [picked, setPicked] = useChoice("picked");
  const shown = wantedEvaluations(all, { sort, find, kind, model });
  const first = all.find(e => e.artifact === picked);
  const others = first ? comparable(all, first).map(e => e.artifact) : [];
  const values = (of: (e: ListedEvaluation) => string) => ["", ...[...new Set(all.map(of))].sort()];
  return (
    <>
      <div className="filters">
        <input type="search" aria-label="Search evaluations" placeholder="Search" value={find} onChange={e => setFind(e.target.value)} />
        <Pick label="Kind" value={kind} options={values(e => e.kind)} nameOf={k => k || "every kind"} onPick={setKind} />
        <Pick label="Model" value={model} options={values(e => e.model)} nameOf={m => m || "every model"} onPick={setModel} />
        <span className="hint" role="status">
          {formatCount(shown.length)} of {formatCount(all.length)}
        </span>
        <CopyButton text={listCsv(shown)} label="Copy as CSV" />
      </div>
      {first && (
        <p className="hint" role="status">
          Choose another evaluation of {first.task} to compare with {first.model}.{" "}
          <button type="button" className="quiet" onClick={() => setPicked("")}>
            Do not compare
          </button>
        </p>
      )}
      {shown.length === 0 ? (
        <Empty icon="evaluations" title="No evaluation fits">
          <p>Change the search or the filters.</p>
        </Empty>
      ) : (
        <div className="table-frame">
          <table className="rows">
            <caption className="hidden">Evaluations</caption>
            <thead>
              <tr>
                <Head name="Task" sort="task" current={sort} />
                <Head name="Kind" sort="kind" current={sort} isWide />
                <Head name="Model" sort="model" current={sort} />
                <Head name="Main figure" sort="score" current={sort} />
                <Head name="Items" sort="items" current={sort} isWide />
                <Head name="Evaluated" sort="newest" reverse="oldest" current={sort} isWide />
                <th scope="col">Compare</th>
              </tr>
            </thead>
            <tbody>
              {shown.map(e => {
                const [main] = e.scores;
                return (
                  <tr key={e.artifact}>
                    <th scope="row">
                      <a href={routeHash("evaluations", e.artifact)}>
                        {e.task}
                        {e.variant && ` (${e.variant})`}
                      </a>
                    </th>
                    <td className="wide">{e.kind}</td>
                    <td>{e.model}</td>
                    <td>{main ? `${main.metric} ${figure(main.value)}` : <span className="hint">see its tasks</span>}</td>
                    <td className="wide">{e.items === null ? "" : formatCount(e.items)}</td>
                    <td className="wide" title={formatMoment(e.at)}>
                      {formatAgo(e.at, Date.now())}
                    </td>
                    <td>
                      {first && others.includes(e.artifact) ? (
                        <a href={routeHash("evaluations", first.artifact, { against: e.artifact })}>with {first.model}</a>
                      ) : (
                        comparable(all, e).length > 0 &&
                        e !== first && (
                          <button
                            type="button"
                            className="quiet"
                            aria-label={`Compare ${e.task} of ${e.model}`}
                            onClick={() => setPicked(e.artifact)}
                          >
                            Compare
                          </button>
                        )
                      )}
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}
