/**
 * Whatever scrolls is reached by keys: elements that are larger inside than outside get a place in the order of Tab, so that arrows scroll them.
 * One watcher for the whole page, so that no table has to think of it. Chromium does the same by itself; not every browser does.
 */

const scrolling = "pre, .table-frame, .scrolled, .dialog";
/** Marks what got its place here, so that only that is taken back. */
const mark = "data-scroller";

function update(element: Element): void {
  if (!(element instanceof HTMLElement)) return;
  const { overflowX, overflowY } = getComputedStyle(element);
  const scrolls = (overflow: string) => overflow === "auto" || overflow === "scroll";
  const isWider = scrolls(overflowX) && element.scrollWidth > element.clientWidth;
  const isTaller = scrolls(overflowY) && element.scrollHeight > element.clientHeight;
  if (isWider || isTaller) {
    if (element.hasAttribute("tabindex")) return;
    element.tabIndex = 0;
    element.setAttribute(mark, "");
  } else if (element.hasAttribute(mark)) {
    element.removeAttribute("tabindex");
    element.removeAttribute(mark);
  }
}

/** Begins to watch a page; the result ends it. */
export function reachScrollers(root: Element): () => void {
  let frame = 0;
  const sizes = new ResizeObserver(entries => {
    for (const entry of entries) update(entry.target);
  });
  const seen = new WeakSet<Element>();
  const look = () => {
    frame = 0;
    for (const element of root.querySelectorAll(scrolling)) {
      if (seen.has(element)) update(element);
      else {
        seen.add(element);
        sizes.observe(element);
      }
    }
  };
  // many changes of one frame are one look
  const changes = new MutationObserver(() => {
    frame ||= requestAnimationFrame(look);
  });
  changes.observe(root, { childList: true, subtree: true, characterData: true });
  look();
  return () => {
    changes.disconnect();
    sizes.disconnect();
    cancelAnimationFrame(frame);
  };
}
