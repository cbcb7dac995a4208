/** The text of an HTML page: its main part, or all that is seen, as lines. See `choose.ts` for what is the main part. */
import { chooseSegments } from "./choose.ts";
import { type Page, readPage } from "./page.ts";
import { bit, rowTag } from "./tags.ts";

interface PageText {
  readonly text: string;
  readonly title: string;
  readonly language: string | undefined;
}

/** Lines of the chosen texts: paragraphs apart, list items marked, the cells of a row on one line. */
function render({ segments, parent, tag, bits }: Page, chosen: (i: number) => boolean): string {
  const out: string[] = [];
  let last = -1;
  let apart = false;
  segments.forEach((s, i) => {
    apart ||= s.apart;
    if (!chosen(i)) return;
    const b = bits[s.node]!;
    const item = b & bit.item ? "- " : "";
    if (last >= 0) {
      const before = segments[last]!;
      const sameRow = b & bit.cell && before.node !== s.node && parent[before.node] === parent[s.node] && tag[parent[s.node]!] === rowTag;
      if (sameRow) out.push(" | ");
      else out.push(apart && !(item && bits[before.node]! & bit.item) ? "\n\n" : "\n");
    }
    out.push(item, s.text);
    last = i;
    apart = false;
  });
  return out.join("");
}

/**
 * Text of a page. `main` leaves out what is around the content and falls back to everything where nothing reads like content; `all` keeps
 * whatever is seen. Never throws; linear in the length of the page.
 */
export function pageText(html: string, extract: "main" | "all" = "main"): PageText {
  const page = readPage(html);
  const { title, language } = page;
  if (extract === "all") return { text: render(page, () => true), title, language };
  const keep = chooseSegments(page);
  const text = render(page, i => keep[i]!);
  return { text: text === "" ? render(page, () => true) : text, title, language };
}
