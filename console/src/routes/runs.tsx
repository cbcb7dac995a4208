/** Runs as a table: columns, filter, search, sorting, groups, notes and tags; several of them beside each other. All of it stands in the address. */
import { useMemo, useRef, useState } from "react";
import { csvText } from "../../../src/base/csv.ts";
import { csvRows } from "../../../src/project/run-table/csv-rows.ts";
import { choose, useChoice, useRoute } from "../choices.ts";
import { type Failure, failureOf } from "../failure.ts";
import type { RunRow, RunTable } from "../generated/runs.ts";
import { download } from "../parts/download.ts";
import { Empty, FailureNotice, Waiting } from "../parts/notice.tsx";
import { Pick as PickOne } from "../parts/pick.tsx";
import { Segmented } from "../parts/segmented.tsx";
import { useResource } from "../resource.ts";
import { routeHash } from "../route.ts";
import { runTable } from "../runs/api.ts";
import { columnLabel, groupFilter, runNames, shownColumns } from "../runs/cells.ts";
import { mostCompared } from "../runs/colours.ts";
import { Compare } from "../runs/compare.tsx";
import { ColumnsDialog, TypedField } from "../runs/controls.tsx";
import { Groups } from "../runs/groups.tsx";
import { NoteDialog } from "../runs/note-dialog.tsx";
import { Parallel } from "../runs/parallel-view.tsx";
import { Pages, RunRows } from "../runs/table.tsx";
import "../runs/runs.css";

const pageSize = 100;
const mostRows = 10_000;
const lookMs = 10_000;
/** The newest two, where nobody chose. */
const comparedFirst = 2;
const nobody = "none";
const fresh = { on: ["runs", "artifacts"], everyMs: lookMs } as const;

/** What the address says is compared; undefined: nobody chose. `#/runs/a,b` is an older way to say it. */
function comparedIds(id: string | null, choice: string): readonly string[] | undefined {
  if (choice === nobody) return [];
  if (choice !== "") return choice.split(",");
  return id === null ? undefined : id.split(",");
}

/** Sets what is compared, and takes an older address's id out. */
function compareIds(id: string | null, choices: Readonly<Record<string, string>>, ids: readonly string[]): void {
  const compare = ids.length === 0 ? nobody : ids.join(",");
  if (id === null) {
    choose({ compare });
    return;
  }
  history.replaceState(history.state, "", routeHash("runs", null, { ...choices, compare }));
  dispatchEvent(new HashChangeEvent("hashchange"));
}

/** The table as it last was while another one is on its way, so that typing moves nothing. */
function useTable(query: Parameters<typeof runTable.table>[0]) {
  const table = useResource(`run-table ${JSON.stringify(query)}`, signal => runTable.table(query, signal), fresh);
  const last = useRef<RunTable>(undefined);
  if (table.data) last.current = table.data;
  return { ...table, data: table.data ?? last.current };
}

export function Runs({ id }: { readonly id: string | null }) {
  const { choices } = useRoute();
  const [filter] = useChoice("filter");
  const [search] = useChoice("search");
  const [sort] = useChoice("sort", "-started");
  const [group, setGroup] = useChoice("group");
  const [show] = useChoice("show", "trained");
  const [columnChoice, setColumns] = useChoice("columns");
  const [page] = useChoice("page", "0");
  const [compareChoice] = useChoice("compare");
  const [plot, setPlot] = useChoice("plot");
  const [isChoosing, setChoosing] = useState(false);
  const [annotated, setAnnotated] = useState<{ readonly row: RunRow; readonly name: string } | null>(null);
  const [exported, setExported] = useState<Failure | null>(null);
  const offset = Math.max(0, Math.trunc(Number(page)) || 0);
  const query = {
    filter: filter || null,
    search: search || null,
    sort,
    group: group || null,
    training: show === "all" ? null : ("yes" as const),
  };
  const table = useTable({ ...query, offset, limit: pageSize });
  const { data } = table;
  const rows = data?.rows ?? [];
  const ids = comparedIds(id, compareChoice) ?? rows.slice(0, comparedFirst).map(r => r.id);
  const compared = useResource(
    ids.length === 0 ? null : `run-table of ${ids.join(",")}`,
    signal => runTable.table({ ids: ids.join(","), limit: mostCompared }, signal),
    fresh,
  );
  const beside = ids.length === 0 ? [] : (compared.data?.rows ?? []);
  const unknown = compared.data ? ids.filter(i => !beside.some(r => r.id === i || r.artifact === i)) : [];
  const names = useMemo(() => runNames(rows), [rows]);
  const besideNames = useMemo(() => runNames(beside), [beside]);
  const shown = data ? shownColumns(data.columns, columnChoice) : [];
  const groupColumn = data?.columns.find(c => c.key === group);
  // a filter that is wrong belongs beside its field; whatever else fails is said for itself
  const isOfFilter = table.failure?.kind === "refused" && table.failure.message.startsWith("filter ");
  const failure = isOfFilter ? undefined : table.failure;

  const setFilter = (value: string) => choose({ filter: value, page: "" });
  const exportCsv = async () => {
    setExported(null);
    try {
      const all = await runTable.table({ ...query, group: null, limit: mostRows }, AbortSignal.timeout(60_000));
      const columns = [...shown, ...all.columns.filter(c => c.key === "id" && !shown.some(s => s.key === "id"))];
      download("runs.csv", "text/csv", csvText(csvRows(columns, all.rows)));
    } catch (error) {
      setExported(failureOf(error));
    }
  };
  const tick = (row: RunRow) => {
    const now = beside.map(r => r.id);
    compareIds(id, choices, now.includes(row.id) ? now.filter(i => i !== row.id) : [...now, row.id]);
  };

  return (
    <>
      <header className="page-head">
        <h1>Runs</h1>
      </header>
      {data?.total === 0 ? (
        <Empty icon="runs" title="No run yet">
          <p>
            <code>loam run</code>, <code>loam train</code> and <code>loam tune</code> record the options, logs and results of a run.
          </p>
        </Empty>
      ) : (
        <>
          <div className="run-controls">
            <TypedField
              label="Filter"
              value={filter}
              placeholder="loss < 2 and model = mail-small"
              problem={isOfFilter ? table.failure?.message : undefined}
              onValue={setFilter}
            />
            <TypedField
              label="Search"
              value={search}
              placeholder="words in any column, note or tag"
              onValue={value => choose({ search: value, page: "" })}
            />
          </div>
          <div className="bar">
            <Segmented
              label="Runs shown"
              options={["trained", "all"]}
              value={show === "all" ? "all" : "trained"}
              names={{ trained: "Training runs", all: "All runs" }}
              onChange={value => choose({ show: value === "all" ? "all" : "", page: "" })}
            />
            <PickOne
              label="Group by"
              value={group}
              options={["", ...(data?.columns ?? []).filter(c => c.distinct < c.count || c.key === group).map(c => c.key)]}
              nameOf={key => (key === "" ? "No groups" : `By ${columnLabel({ key }).toLowerCase()}`)}
              onPick={setGroup}
            />
            <button type="button" onClick={() => setChoosing(true)}>
              Columns
            </button>
            <button type="button" aria-pressed={plot === "parallel"} onClick={() => setPlot(plot === "parallel" ? "" : "parallel")}>
              Parallel coordinates of the list
            </button>
            <span className="push" />
            <button type="button" className="quiet" onClick={() => void exportCsv()}>
              Export as CSV
            </button>
          </div>
          {exported && <FailureNotice failure={exported} />}
          {failure && failure.kind !== "unreachable" && <FailureNotice failure={failure} retry={table.reload} />}
          {data === undefined ? (
            !failure && !isOfFilter && <Waiting label="Loading runs" />
          ) : (
            <>
              {data.groups !== null && groupColumn && (
                <Groups
                  column={groupColumn}
                  groups={data.groups}
                  columns={shown}
                  onOpen={value =>
                    choose({
                      filter: filter === "" ? groupFilter(group, value) : `(${filter}) and ${groupFilter(group, value)}`,
                      group: "",
                      page: "",
                    })
                  }
                />
              )}
              {data.matched === 0 ? (
                <p className="hint" role="status">
                  None of {data.total} runs matches.
                </p>
              ) : (
                <>
                  <RunRows
                    rows={rows}
                    names={names}
                    columns={shown}
                    sort={sort}
                    compared={beside.map(r => r.id)}
                    onSort={value => choose({ sort: value === "-started" ? "" : value, page: "" })}
                    onCompare={tick}
                    onAnnotate={(row, name) => setAnnotated({ row, name })}
                  />
                  <Pages
                    offset={data.offset}
                    shown={rows.length}
                    matched={data.matched}
                    size={pageSize}
                    onPage={to => choose({ page: to === 0 ? "" : String(to) })}
                  />
                </>
              )}
              {plot === "parallel" && rows.length > 1 && <Parallel rows={rows} names={names} columns={data.columns} />}
            </>
          )}
        </>
      )}
      {unknown.length > 0 && (
        <p className="failure" role="alert">
          No run named {unknown.join(", ")}.
        </p>
      )}
      {compared.failure && compared.failure.kind !== "unreachable" && <FailureNotice failure={compared.failure} retry={compared.reload} />}
      {beside.length > 0 && compared.data ? (
        <Compare rows={beside} names={besideNames} columns={compared.data.columns} />
      ) : (
        data !== undefined && data.total > 0 && ids.length === 0 && <p className="hint">Choose up to {mostCompared} runs to compare.</p>
      )}
      {isChoosing && data && (
        <ColumnsDialog
          columns={data.columns}
          shown={shown.map(c => c.key)}
          onShown={keys => setColumns(keys.join(","))}
          onClose={() => setChoosing(false)}
        />
      )}
      {annotated && (
        <NoteDialog
          {...annotated}
          onClose={() => setAnnotated(null)}
          onSaved={() => {
            table.reload();
            compared.reload();
          }}
        />
      )}
    </>
  );
}
