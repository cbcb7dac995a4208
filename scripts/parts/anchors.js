/** Anchors of headings as GitHub makes them: lower case, punctuation left out, spaces as hyphens; the second of a name ends in -1. */
export const anchorText = title =>
  title
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(" ", "-");

/** Gives each heading of a page its anchor, in order. */
export function anchorsOfPage() {
  const taken = new Set();
  return title => {
    const base = anchorText(title);
    let anchor = base;
    for (let n = 1; taken.has(anchor); n++) anchor = `${base}-${n}`;
    taken.add(anchor);
    return anchor;
  };
}
