// biome-ignore-all lint/a11y/useSemanticElements: rows are placed by pixels, which no table can.
// biome-ignore-all lint/a11y/useFocusableInteractive: the grid has the focus and names its active row.
/** Documents of a data set, kept and dropped: full-text search, filters, an order; every choice is in the address. */
import { memo, useCallback, useEffect, useRef, useState } from "react";
import { api } from "../api.ts";
import { choose, useChoice, useRoute } from "../choices.ts";
import { formatCount } from "../format.ts";
import type { ListedDocument, DocumentPage as Page } from "../generated/server.ts";
import { FailureNotice, Waiting } from "../parts/notice.tsx";
import { VirtualList } from "../parts/virtual-list.tsx";
import { useChunks } from "./chunks.ts";
import "./explorer.css";

/** Choices of the address that are the query of the list. */
const queried = [
  "text",
  "side",
  "edited",
  "reason",
  "source",
  "label",
  "language",
  "minLength",
  "maxLength",
  "sort",
  "descending",
] as const;

const columns = [
  ["id", "Document"],
  ["reason", "State"],
  ["label", "Label"],
  ["language", "Language"],
  ["length", "Characters"],
] as const;

const stateOf = (d: ListedDocument): string => (d.reason === null ? d.side : `dropped: ${d.reason}`) + (d.edited ? ", edited" : "");

interface FilterProps {
  readonly name: string;
  readonly label: string;
  readonly values: readonly { readonly value: string; readonly documents?: number }[];
}

function Filter({ name, label, values }: FilterProps) {
  const [value, set] = useChoice(name);
  if (values.length === 0 && value === "") return null;
  return (
    <label className="field">
      <span>{label}</span>
      <select value={value} onChange={e => set(e.target.value)}>
        <option value="">all</option>
        {value !== "" && !values.some(v => v.value === value) && <option value={value}>{value}</option>}
        {values.map(v => (
          <option key={v.value} value={v.value}>
            {v.value}
            {v.documents !== undefined && ` (${formatCount(v.documents)})`}
          </option>
        ))}
      </select>
    </label>
  );
}

function LengthFilter({ name, label }: { readonly name: string; readonly label: string }) {
  const [value, set] = useChoice(name);
  return (
    <label className="field">
      <span>{label}</span>
      <input type="number" min={0} value={value} onChange={e => set(e.target.value)} />
    </label>
  );
}

/** Waits until a person has stopped typing. */
function Search() {
  const [value, set] = useChoice("text");
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value) return;
    const timer = setTimeout(() => set(text), 350);
    return () => clearTimeout(timer);
  }, [text, value, set]);
  return (
    <label className="field wide">
      <span>Search</span>
      <input type="search" value={text} placeholder={'words, or "a phrase"'} onChange={e => setText(e.target.value)} />
    </label>
  );
}

const Filters = memo(({ facets }: { readonly facets: Page["facets"] }) => {
  const of = (name: string) => facets.find(f => f.name === name)?.values ?? [];
  const sides = of("side");
  return (
    <search className="explorer-filters">
      <Search />
      <Filter name="side" label="Side" values={[{ value: "kept" }, ...sides]} />
      <Filter name="edited" label="Edited" values={[{ value: "true" }, { value: "false" }]} />
      <Filter name="reason" label="Dropped by" values={of("reason")} />
      <Filter name="source" label="Source" values={of("source")} />
      <Filter name="label" label="Label" values={of("label")} />
      <Filter name="language" label="Language" values={of("language")} />
      <LengthFilter name="minLength" label="Characters, at least" />
      <LengthFilter name="maxLength" label="At most" />
    </search>
  );
});

function Head() {
  const [sort] = useChoice("sort", "id");
  const [descending] = useChoice("descending");
  const sorted = (column: string) => (column !== sort ? "none" : descending === "true" ? "descending" : "ascending");
  return (
    <>
      {columns.map(([column, name]) => (
        <div key={column} role="columnheader" aria-sort={sorted(column)} className={`cell ${column}`}>
          <button
            type="button"
            className="quiet"
            onClick={() =>
              choose({ sort: column === "id" ? "" : column, descending: column === sort && descending !== "true" ? "true" : "" })
            }
          >
            {name}
            <span aria-hidden="true">{column === sort ? (descending === "true" ? " ↓" : " ↑") : ""}</span>
          </button>
        </div>
      ))}
    </>
  );
}

const Cells = memo(({ of: d }: { readonly of: ListedDocument | undefined }) =>
  d === undefined ? (
    <div role="gridcell" className="cell id">
      <span className="hint">...</span>
    </div>
  ) : (
    <>
      <div role="gridcell" className="cell id">
        <code>{d.id}</code>
        <p>{d.text}</p>
      </div>
      <div role="gridcell" className={`cell reason ${d.reason === null ? "" : "lost"}`}>
        {stateOf(d)}
      </div>
      <div role="gridcell" className="cell label">
        {d.label.join(", ")}
      </div>
      <div role="gridcell" className="cell language">
        {d.language}
      </div>
      <div role="gridcell" className="cell length number">
        {formatCount(d.length)}
      </div>
    </>
  ),
);

const rowsOf = (page: Page) => page.documents;
/** An unfinished search goes on at once. */
const again = (page: Page) => (page.searched < page.of ? 0 : undefined);

/** Where a person was in the list when they opened a document. */
let left: { readonly key: string; readonly index: number } | undefined;

export function DocumentTable({ artifact, onOpen }: { readonly artifact: string; readonly onOpen: (id: string) => void }) {
  const { choices } = useRoute();
  const query = Object.fromEntries(queried.map(name => [name, choices[name] ?? null]));
  const key = `documents ${artifact} ${JSON.stringify(query)}`;
  // the key holds the query
  // biome-ignore lint/correctness/useExhaustiveDependencies: a query of the same key is the same.
  const load = useCallback(
    (cursor: number, signal: AbortSignal) => api.documents(artifact, { ...query, cursor, limit: 100 }, signal),
    [key],
  );
  const { rowAt, page, failure, onRange, reload } = useChunks(key, load, rowsOf, again);
  const [facets, setFacets] = useState<Page["facets"]>([]);
  // while another order or search is on its way, the list stays, and the focus in it
  const before = useRef<Page>(undefined);
  if (page) before.current = page;
  const listed = page ?? (failure ? undefined : before.current);
  const from = left?.key === key ? left.index : undefined;
  const isListed = listed !== undefined;
  useEffect(() => {
    if (isListed) left = undefined;
  }, [isListed]);
  useEffect(() => {
    // every part of the list brings them along, the same ones
    if (page) setFacets(before => (JSON.stringify(before) === JSON.stringify(page.facets) ? before : page.facets));
  }, [page]);
  return (
    <>
      <Filters facets={facets} />
      {failure && <FailureNotice failure={failure} retry={reload} />}
      {!page && !failure && <Waiting label="Loading documents" />}
      {page && (
        <p className="hint" role="status">
          {page.count === page.of ? formatCount(page.of) : `${formatCount(page.count)} of ${formatCount(page.of)}`} documents
          {page.searched < page.of && `; searched ${formatCount(page.searched)} of ${formatCount(page.of)} so far`}
        </p>
      )}
      {listed && (
        <div className="explorer-list">
          <VirtualList
            label="Documents"
            of={key}
            from={from}
            count={listed.count}
            rowHeight={64}
            head={<Head />}
            row={i => <Cells of={rowAt(i)} />}
            onRange={onRange}
            onOpen={i => {
              const found = rowAt(i);
              if (!found) return;
              left = { key, index: i };
              onOpen(found.id);
            }}
          />
        </div>
      )}
    </>
  );
}
