// biome-ignore-all lint/a11y/useSemanticElements: rows are placed by pixels, which no table can.
/**
 * A table of any number of rows: only those in view are drawn (`virtual-rows.ts`). One row is active: arrows, Page Up and Down, Home and End move it, Enter
 * opens it. The focus stays on the table, the active row stays drawn, and screen readers hear how many rows there are and which one this is.
 */
import { type KeyboardEvent, type ReactNode, useEffect, useId, useLayoutEffect, useRef, useState } from "react";
import { type ListPlace, placeShowing, rowAfterKey, rowsInView, rowTop, scrolledHeight, scrolledTo } from "./virtual-rows.ts";
import "./virtual-list.css";

interface VirtualListProps {
  readonly label: string;
  /** Names what is listed: another name begins at the first row, and leaves the focus where it is. */
  readonly of: string;
  /** The row that is active at first, with the focus: where a person comes back from what they opened. */
  readonly from?: number | undefined;
  readonly count: number;
  /** Pixels; every row has the same. */
  readonly rowHeight: number;
  /** Cells of the first row, `role="columnheader"` each. */
  readonly head: ReactNode;
  /** Cells of a row, `role="gridcell"` each. */
  readonly row: (index: number) => ReactNode;
  onOpen(index: number): void;
  /** Rows that are drawn have changed: from, and before which. */
  onRange?(first: number, end: number): void;
}

const start: ListPlace = { scrollTop: 0, top: 0 };

export function VirtualList({ label, of, from, count, rowHeight, head, row, onOpen, onRange }: VirtualListProps) {
  const id = useId();
  const view = useRef<HTMLDivElement>(null);
  const [viewHeight, setViewHeight] = useState(600);
  const [place, setPlace] = useState(start);
  const [active, setActive] = useState(0);
  const size = { count, rowHeight, viewHeight };
  const { first, end } = rowsInView(size, place);
  const go = (to: number) => {
    setActive(to);
    const next = placeShowing(size, place, to);
    setPlace(next);
    if (view.current && next !== place) view.current.scrollTop = next.scrollTop;
  };

  useLayoutEffect(() => {
    const element = view.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setViewHeight(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    if (end > first) onRange?.(first, end);
  }, [first, end, onRange]);

  const listed = useRef(of);
  useLayoutEffect(() => {
    if (listed.current === of) return;
    listed.current = of;
    setActive(0);
    setPlace(start);
    if (view.current) view.current.scrollTop = 0;
  }, [of]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: once, when the list is there.
  useLayoutEffect(() => {
    if (from === undefined) return;
    go(Math.min(from, count - 1));
    view.current?.parentElement?.focus({ preventScroll: true });
  }, []);

  const press = (e: KeyboardEvent) => {
    // the heads have keys of their own
    if (e.target instanceof Element && e.target.closest(".virtual-head")) return;
    if (e.key === "Enter" && active < count) onOpen(active);
    const to = count === 0 ? undefined : rowAfterKey(e.key, active, size);
    if (to === undefined) return;
    e.preventDefault();
    go(to);
  };
  const drawn = Array.from({ length: Math.max(0, end - first) }, (_, i) => first + i);
  // the active row is never taken away while it has the focus
  if (active < count && (active < first || active >= end)) drawn.push(active);
  return (
    <div
      className="virtual"
      role="grid"
      tabIndex={0}
      aria-label={label}
      aria-rowcount={count + 1}
      aria-activedescendant={active < count ? `${id}-${active}` : undefined}
      onKeyDown={press}
    >
      <div role="row" aria-rowindex={1} className="virtual-head" tabIndex={-1}>
        {head}
      </div>
      <div ref={view} className="virtual-view" onScroll={e => setPlace(scrolledTo(size, place, e.currentTarget.scrollTop))}>
        <div role="presentation" style={{ height: scrolledHeight(size) }}>
          {drawn.map(i => (
            // biome-ignore lint/a11y/useKeyWithClickEvents: the table has the keys of all rows.
            <div
              key={i}
              id={`${id}-${i}`}
              role="row"
              tabIndex={-1}
              aria-rowindex={i + 2}
              aria-selected={i === active}
              className="virtual-row"
              style={{ height: rowHeight, transform: `translateY(${rowTop(size, place, i)}px)` }}
              onClick={() => {
                setActive(i);
                onOpen(i);
              }}
            >
              {row(i)}
            </div>
          ))}
        </div>
      </div>
    </div>
  );
}
