/** One evaluation: its report, and beside another of the same task what differs, item by item. */
import { useEffect, useState } from "react";
import { api } from "../api.ts";
import { choose, useChoice } from "../choices.ts";
import { type Failure, failureOf } from "../failure.ts";
import { formatCount, formatMoment } from "../format.ts";
import type { DiffItem, EvaluationDiff, ListedEvaluation } from "../generated/evaluations.ts";
import { download } from "../parts/download.ts";
import { FailureNotice, Loaded } from "../parts/notice.tsx";
import { Pick } from "../parts/pick.tsx";
import { useResource, useStaying } from "../resource.ts";
import { routeHash } from "../route.ts";
import { Bits } from "../training/bits.tsx";
import { Classes } from "../training/classes.tsx";
import { Folds } from "../training/folds.tsx";
import { Labels } from "../training/labels.tsx";
import { Numbers } from "../training/numbers.tsx";
import { allItems, type DiffQuery, diffEvaluations } from "./api.ts";
import { Differences, figure, signed } from "./figures.tsx";
import { comparable, diffCsv } from "./listing.ts";
import { wordDiff } from "./word-diff.ts";

/** Of what training and cross-validation measured. */
function StageReport({ artifact }: { readonly artifact: string }) {
  const reports = useResource("evaluations", api.evaluations, { on: ["artifacts"] });
  return (
    <Loaded resource={reports} what="the report">
      {all => {
        const report = all.find(e => e.artifact === artifact)?.report;
        if (!report) return null;
        if (report.task === "cross-validation") return <Folds artifact={artifact} report={report} />;
        if (report.task === "classification") return <Classes artifact={artifact} report={report} />;
        if (report.task === "multi-label classification") return <Labels artifact={artifact} report={report} />;
        if (report.task === "regression") return <Numbers artifact={artifact} report={report} />;
        return <Bits artifact={artifact} report={report} />;
      }}
    </Loaded>
  );
}

const changes = {
  changed: "changed",
  fixed: "right only in the first",
  broken: "right only in the second",
  better: "better in the first",
  worse: "worse in the first",
  same: "the same",
} as const;
const isChange = (text: string): text is keyof typeof changes => Object.hasOwn(changes, text);

function Side({ of: i, side, name }: { readonly of: DiffItem; readonly side: "first" | "second"; readonly name: string }) {
  return (
    <div className={`is-${side}`}>
      <dt>
        {name}, {figure(i.scores[side === "first" ? 0 : 1])}
      </dt>
      <dd>
        {wordDiff(i.first, i.second)
          .filter(p => p.in === side || p.in === "both")
          // biome-ignore lint/suspicious/noArrayIndexKey: parts of one text never move.
          .map((p, k) => (p.in === "both" ? <span key={k}>{p.text}</span> : <mark key={k}>{p.text}</mark>))}
      </dd>
    </div>
  );
}

const Item = ({ of: i, names }: { readonly of: DiffItem; readonly names: readonly [string, string] }) => (
  <li>
    <p>
      <b>{changes[i.change]}</b> <span className="hint">{i.gain ? signed(i.gain) : ""}</span> <code>{i.place}</code>
    </p>
    <p>{i.prompt}</p>
    {i.right !== "" && <p className="hint">Expected: {i.right}</p>}
    <dl className="diff-sides">
      <Side of={i} side="first" name={names[0]} />
      <Side of={i} side="second" name={names[1]} />
    </dl>
  </li>
);

/** Items of a page. */
const pageItems = 50;

function Compared({ of: d, query, page }: { readonly of: EvaluationDiff; readonly query: DiffQuery; readonly page: number }) {
  const [failure, setFailure] = useState<Failure | null>(null);
  // two evaluations of one model are told apart by when they were
  const isOne = d.first.model === d.second.model;
  const nameOf = (e: ListedEvaluation) => (isOne ? `${e.model}, ${e.variant ?? formatMoment(e.at)}` : e.model);
  const names = [nameOf(d.first), nameOf(d.second)] as const;
  const pages = Math.max(1, Math.ceil(d.total / pageItems));
  const { fixed, broken, better, worse, same } = d.counts;
  const save = () =>
    void allItems(query).then(
      items => {
        setFailure(null);
        download(`${d.task}-diff.csv`, "text/csv", diffCsv(items, names[0], names[1], d.metric));
      },
      (error: unknown) => setFailure(failureOf(error)),
    );
  return (
    <>
      <Differences of={d.differences} against={names[1]} />
      <p className="hint" role="status">
        By {d.metric}: {formatCount(fixed)} right only in {names[0]}, {formatCount(broken)} right only in {names[1]}
        {better + worse > 0 && `, ${formatCount(better)} better and ${formatCount(worse)} worse`}, {formatCount(same)} the same
        {d.onlyFirst + d.onlySecond > 0 && `; ${formatCount(d.onlyFirst + d.onlySecond)} items that one of them lacks are left out`}.
      </p>
      <div className="bar">
        <button type="button" onClick={save}>
          Export {formatCount(d.total)} items as CSV
        </button>
      </div>
      {failure && <FailureNotice failure={failure} />}
      {d.total === 0 ? (
        <p className="hint">No item fits.</p>
      ) : (
        <ol className="diff-items" aria-label="Items">
          {d.items.map(i => (
            <Item key={`${i.id} ${i.place}`} of={i} names={names} />
          ))}
        </ol>
      )}
      {pages > 1 && (
        <nav className="bar" aria-label="Pages of items">
          <button type="button" disabled={page <= 1} onClick={() => choose({ page: page > 2 ? String(page - 1) : "" })}>
            Previous
          </button>
          <span>
            Page {page} of {pages}
          </span>
          <button type="button" disabled={page >= pages} onClick={() => choose({ page: String(page + 1) })}>
            Next
          </button>
        </nav>
      )}
    </>
  );
}

function Diff({ first, second }: { readonly first: ListedEvaluation; readonly second: ListedEvaluation }) {
  const [change] = useChoice("change", "changed");
  const [slice] = useChoice("slice");
  const [find] = useChoice("find");
  const [at] = useChoice("page", "1");
  const page = Math.max(1, Math.trunc(Number(at)) || 1);
  const [by, group] = slice.includes("=") ? [slice.slice(0, slice.indexOf("=")), slice.slice(slice.indexOf("=") + 1)] : [null, null];
  const query: DiffQuery = {
    ...{ first: first.artifact, second: second.artifact, by, group, find: find || null },
    change: isChange(change) ? change : null,
    ...{ offset: (page - 1) * pageItems, limit: pageItems },
  };
  const found = useStaying(useResource(`diff ${JSON.stringify(query)}`, signal => diffEvaluations(query, signal)));
  const [groups, setGroups] = useState<EvaluationDiff["groups"]>([]);
  useEffect(() => {
    if (found.data) setGroups(found.data.groups);
  }, [found.data]);
  const slices = groups.flatMap(g => g.groups.map(value => `${g.by}=${value}`));
  return (
    <section className="card" aria-label={`${first.model} against ${second.model}`}>
      <div className="filters">
        <Pick
          label="Items"
          value={isChange(change) ? change : "all"}
          options={["all", ...Object.keys(changes)]}
          nameOf={c => (isChange(c) ? changes[c] : "all items")}
          onPick={c => choose({ change: c === "changed" ? "" : c, page: "" })}
        />
        {slices.length > 0 && (
          <Pick
            label="Group"
            value={slice}
            options={["", ...slices]}
            nameOf={s => s || "every group"}
            onPick={s => choose({ slice: s, page: "" })}
          />
        )}
        <input
          type="search"
          aria-label="Search items"
          placeholder="Search"
          value={find}
          onChange={e => choose({ find: e.target.value, page: "" })}
        />
      </div>
      <Loaded resource={found} what="the comparison">
        {d => <Compared of={d} query={query} page={page} />}
      </Loaded>
    </section>
  );
}

interface OneProps {
  readonly of: ListedEvaluation;
  readonly all: readonly ListedEvaluation[];
  /** Undefined: nothing is beside it. */
  readonly against: ListedEvaluation | undefined;
}

export function OneEvaluation({ of: e, all, against }: OneProps) {
  const others = comparable(all, e);
  return (
    <>
      <section className="card" aria-label="Evaluation">
        <header className="card-head">
          <h2>
            {e.task}
            {e.variant && ` (${e.variant})`}, {e.model}
          </h2>
          <p>
            {e.kind}
            {e.items !== null && `, ${formatCount(e.items)} items`}, {formatMoment(e.at)}
          </p>
        </header>
        {e.scores.length > 0 && (
          <dl className="facts">
            {e.scores.map(s => (
              <div key={s.metric}>
                <dt>{s.metric}</dt>
                <dd>{figure(s.value)}</dd>
              </div>
            ))}
          </dl>
        )}
        <p className="row-links">
          {e.version !== null && <a href={routeHash("evaluations", e.version)}>Every task of {e.version}, with intervals and slices</a>}
          {e.modelArtifact !== null && <a href={routeHash("lineage", e.artifact)}>Lineage</a>}
        </p>
        {others.length > 0 && (
          <p>
            Compare with{" "}
            <Pick
              label="Compare with"
              value={against?.artifact ?? ""}
              options={["", ...others.map(o => o.artifact)]}
              nameOf={id => {
                const o = others.find(x => x.artifact === id);
                return o ? `${o.model}${o.variant ? ` (${o.variant})` : ""}, ${formatMoment(o.at)}` : "nothing";
              }}
              onPick={id => choose({ against: id, page: "", slice: "" })}
            />
          </p>
        )}
      </section>
      {against ? <Diff first={e} second={against} /> : <StageReport artifact={e.artifact} />}
    </>
  );
}
