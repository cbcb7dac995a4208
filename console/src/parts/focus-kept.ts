/**
 * Nobody who uses keys is left nowhere: where the element that has the focus is removed or disabled by what it did, the nearest part of the page that holds it
 * gets the focus, and a button that was only busy gets it back. One watcher for the whole page; what a page sets itself comes first. WCAG 2.2, 2.4.3.
 */

/** Parts that can have the focus in place of what was in them. */
const parts = "section, form, article, nav, li, fieldset, [role=dialog], dialog, main";

const isLost = (element: HTMLElement): boolean => !element.isConnected || element.matches(":disabled");

/** As long as it has the focus it can have it. */
function focusPart(part: HTMLElement): void {
  if (!part.hasAttribute("tabindex")) {
    part.tabIndex = -1;
    part.addEventListener("blur", () => part.removeAttribute("tabindex"), { once: true });
  }
  part.focus({ preventScroll: true });
}

/** Begins to watch a page; the result ends it. */
export function keepFocus(page: Document): () => void {
  /** What had the focus last, and what it was in, from inside to outside. */
  let last: readonly HTMLElement[] = [];
  /** A disabled control, and the part that has the focus meanwhile. */
  let busy: { readonly control: HTMLElement; readonly part: HTMLElement } | undefined;
  let frame = 0;
  const remember = ({ target }: FocusEvent) => {
    last = [];
    for (let e = target instanceof HTMLElement ? target : null; e; e = e.parentElement) last = [...last, e];
  };
  // left by a person: there is nothing to give back
  const forget = () =>
    queueMicrotask(() => {
      if (last[0] && !isLost(last[0])) last = [];
    });
  const mend = () => {
    frame = 0;
    const [lost, ...around] = last;
    const { activeElement } = page;
    if (busy && !isLost(busy.control) && activeElement === busy.part) {
      busy.control.focus();
      busy = undefined;
    } else if (lost && isLost(lost) && (activeElement === page.body || activeElement === lost || activeElement === null)) {
      const part = around.find(e => e.isConnected && e.matches(parts)) ?? page.getElementById("main");
      if (!part) return;
      busy = lost.isConnected ? { control: lost, part } : undefined;
      focusPart(part);
    }
  };
  // after the page has drawn all of it, and set the focus where it has a better place
  const changes = new MutationObserver(() => {
    if (busy || (last[0] && isLost(last[0]))) frame ||= requestAnimationFrame(mend);
  });
  changes.observe(page.body, { childList: true, subtree: true, attributes: true, attributeFilter: ["disabled"] });
  page.addEventListener("focusin", remember);
  page.addEventListener("focusout", forget);
  return () => {
    changes.disconnect();
    cancelAnimationFrame(frame);
    page.removeEventListener("focusin", remember);
    page.removeEventListener("focusout", forget);
  };
}
