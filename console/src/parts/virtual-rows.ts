/**
 * Which rows of a long list are in view, and where they are drawn. A browser draws no element higher than some 17 (Firefox) to 33 (Chromium) million pixels: a
 * list that would be higher has the most that is safe, and its scroll position is mapped. Small steps stay one to one, so that a wheel moves by rows; only a
 * jump (the scroll bar dragged, a key) goes by the share of the whole.
 */

/** Pixels of the tallest element: below the limits of all browsers, with room. */
export const tallest = 10_000_000;

export interface ListSize {
  readonly count: number;
  /** Pixels. */
  readonly rowHeight: number;
  readonly viewHeight: number;
}

export interface ListPlace {
  /** What the browser scrolled to. */
  readonly scrollTop: number;
  /** The pixel of the whole list that is at the top of the view. */
  readonly top: number;
}

const wholeOf = ({ count, rowHeight }: ListSize): number => count * rowHeight;
/** Height of the element that scrolls. */
export const scrolledHeight = (size: ListSize): number => Math.min(tallest, wholeOf(size));
const lastTop = (size: ListSize): number => Math.max(0, wholeOf(size) - size.viewHeight);
const lastScroll = (size: ListSize): number => Math.max(0, scrolledHeight(size) - size.viewHeight);
const within = (value: number, most: number): number => Math.min(most, Math.max(0, value));

/** The place after the browser has scrolled. */
export function scrolledTo(size: ListSize, before: ListPlace, scrollTop: number): ListPlace {
  if (wholeOf(size) <= tallest) return { scrollTop, top: within(scrollTop, lastTop(size)) };
  if (scrollTop <= 0) return { scrollTop, top: 0 };
  if (scrollTop >= lastScroll(size) - 1) return { scrollTop, top: lastTop(size) };
  const step = scrollTop - before.scrollTop;
  const top = Math.abs(step) <= size.viewHeight ? before.top + step : (scrollTop / lastScroll(size)) * lastTop(size);
  return { scrollTop, top: within(top, lastTop(size)) };
}

/** The place at which a pixel of the whole list is at the top. */
export function placeAt(size: ListSize, top: number): ListPlace {
  const wanted = within(top, lastTop(size));
  return { top: wanted, scrollTop: lastTop(size) === 0 ? 0 : Math.round((wanted / lastTop(size)) * lastScroll(size)) };
}

/** Rows drawn above and below those in view. */
const beyond = 4;

export interface RowRange {
  readonly first: number;
  /** One after the last. */
  readonly end: number;
}

export const rowsInView = ({ count, rowHeight, viewHeight }: ListSize, { top }: ListPlace): RowRange => ({
  first: Math.max(0, Math.floor(top / rowHeight) - beyond),
  end: Math.min(count, Math.ceil((top + viewHeight) / rowHeight) + beyond),
});

/** Where a row is drawn in the element that scrolls. */
export const rowTop = ({ rowHeight }: ListSize, { scrollTop, top }: ListPlace, row: number): number => scrollTop + row * rowHeight - top;

/** The place at which a row is in view: the same place where it is. */
export function placeShowing(size: ListSize, place: ListPlace, row: number): ListPlace {
  const from = row * size.rowHeight;
  if (from < place.top) return placeAt(size, from);
  if (from + size.rowHeight > place.top + size.viewHeight) return placeAt(size, from + size.rowHeight - size.viewHeight);
  return place;
}

/** The row that a key leads to; undefined for other keys. */
export function rowAfterKey(key: string, row: number, { count, rowHeight, viewHeight }: ListSize): number | undefined {
  const page = Math.max(1, Math.floor(viewHeight / rowHeight) - 1);
  const to = { ArrowDown: row + 1, ArrowUp: row - 1, PageDown: row + page, PageUp: row - page, Home: 0, End: count - 1 }[key];
  return to === undefined ? undefined : within(to, count - 1);
}
