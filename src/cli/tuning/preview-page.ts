/**
 * Which tokens of examples are trained, as one HTML page that needs nothing else: every token a box of its own with its id, what is trained in colour and
 * underlined, special tokens framed, what was cut off or left out in words. Texts of files are shown, never run.
 */
import { formatCount, type LoamError } from "../../base/index.ts";
import type { ExamplesPreview, PreviewPiece } from "../../tune/index.ts";
import { escaped } from "../eval/page-tables.ts";

export interface PreviewDocument {
  /** The file, or the model of the project. */
  readonly what: string;
  /** Whose template and tokenizer were used. */
  readonly model: string;
  readonly format: string;
  readonly preview: ExamplesPreview;
  /** Of each that is shown. */
  readonly pieces: readonly (readonly PreviewPiece[])[];
  /** What cannot be trained on. */
  readonly problems: readonly LoamError[];
}

/** Problems that are listed. */
const mostProblems = 100;

/** Controls, and marks that turn a line's direction or have no width: what is trained has to be seen. Joiners within words and pictures stay. */
const unseen = /(?![\n\t\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
const picture = (c: string): string => {
  const code = c.codePointAt(0)!;
  return code < 0x20 ? String.fromCodePoint(0x2400 + code) : `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
};
const shown = (text: string): string => escaped(text.replace(unseen, picture)).replaceAll("\t", "⇥\t").replaceAll("\n", "⏎\n");

const tokensOf = (n: number): string => `${formatCount(n)} ${n === 1 ? "token" : "tokens"}`;
const share = (trained: number, all: number): string => `${all === 0 ? 0 : Math.round((100 * trained) / all)} %`;

/** Boxes of an example; `at` is the place of the first token. */
function boxes(pieces: readonly PreviewPiece[]): string {
  let at = 1;
  return pieces
    .map(({ trained, ids, text, isSpecial }) => {
      const place = ids.length === 1 ? `token ${at}` : `tokens ${at} to ${at + ids.length - 1}`;
      at += ids.length;
      const tag = trained ? "b" : "i";
      return `<${tag}${isSpecial ? ' class="s"' : ""} title="${place}: id ${ids.join(", ")}, ${trained ? "trained" : "read"}">${shown(text)}</${tag}>`;
    })
    .join("");
}

type Shown = ExamplesPreview["shown"][number];

/** The whole example as one bar: where in it the trained tokens are. */
const strip = ({ runs, tokens, trained }: Shown): string =>
  `<div class="strip" role="img" aria-label="${share(trained, tokens)} trained">${runs.map(r => `<span class="${r.trained ? "on" : ""}" style="flex:${r.tokens}"></span>`).join("")}</div>`;

const example = (e: Shown, pieces: readonly PreviewPiece[]): string =>
  `<section><h2>${escaped(e.place)}</h2><p class="quiet">${tokensOf(e.tokens)}, ${formatCount(e.trained)} trained (${share(e.trained, e.tokens)})</p>${strip(e)}<pre>${boxes(pieces)}${e.cut > 0 ? `<span class="bad"> … cut here: ${tokensOf(e.cut)} more, not learnt</span>` : ""}</pre></section>`;

/** Counts of all examples, those that are not shown included. */
function summary({ preview: p, problems }: PreviewDocument): string {
  const left = [
    ...(p.tooLong > 0 ? [`${formatCount(p.tooLong)} left out for their length`] : []),
    ...(p.cut > 0 ? [`${formatCount(p.cut)} cut: their end is not learnt`] : []),
    ...(problems.length > 0 ? [`${formatCount(problems.length)} cannot be trained on`] : []),
  ];
  return `<dl><div><dt>examples</dt><dd>${formatCount(p.examples)}</dd></div><div><dt>tokens</dt><dd>${formatCount(p.tokens)}</dd></div><div><dt>trained</dt><dd>${formatCount(p.trainedTokens)} <small>${share(p.trainedTokens, p.tokens)}</small></dd></div><div><dt>the longest</dt><dd>${tokensOf(p.longest)}</dd></div></dl>${left.length > 0 ? `<p class="bad">${left.join("; ")}.</p>` : ""}`;
}

function problemList(problems: readonly LoamError[]): string {
  if (problems.length === 0) return "";
  const more = problems.length - mostProblems;
  const items = problems.slice(0, mostProblems).map(p => `<li>${shown(p.message)}</li>`);
  return `<section><h2>What cannot be trained on</h2><ul>${items.join("")}</ul>${more > 0 ? `<p class="quiet">and ${formatCount(more)} more</p>` : ""}</section>`;
}

const style = `:root{color-scheme:light dark;--ink:#1d2430;--soft:#5d6676;--line:#d9dde4;--back:#fff;--on:#c9efd3;--edge:#0a7d33;--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ef;--soft:#a3acba;--line:#333c49;--back:#12161c;--on:#12492a;--edge:#5cc97f;--bad:#ff8a80}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--back);max-width:60rem;margin:2rem auto;padding:0 1rem}h1{font-size:1.5rem;margin:0;overflow-wrap:anywhere}h2{font-size:1rem;margin:2rem 0 0;overflow-wrap:anywhere}
.quiet{color:var(--soft);margin:.1rem 0 .5rem}.bad{color:var(--bad)}dl{display:flex;flex-wrap:wrap;gap:.4rem 2.2rem;margin:1rem 0}dt{color:var(--soft);font-size:.85rem}dd{margin:0;font-size:1.25rem;font-variant-numeric:tabular-nums}small{color:var(--soft);font-size:.85rem}
.strip{display:flex;height:.5rem;background:var(--line);border-radius:.25rem;overflow:hidden}.strip .on{background:var(--edge)}
pre{font:13.5px/1.9 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:isolate;border:1px solid var(--line);border-radius:.4rem;padding:.7rem .8rem;margin:.6rem 0 0}
i,b{font-style:normal;font-weight:400;border-right:1px solid var(--line);padding:.1rem 0}i{color:var(--soft)}b{background:var(--on);border-right-color:var(--edge);text-decoration:underline;text-decoration-color:var(--edge);text-underline-offset:.25em}
.s{outline:1px dashed currentColor;outline-offset:-1px;border-radius:.2rem}.legend{font:13.5px/1.9 ui-monospace,monospace}.legend span{font-family:system-ui,sans-serif;color:var(--soft);margin:0 1.2rem 0 .4rem}li{overflow-wrap:anywhere}`;

export function previewPage(d: PreviewDocument): string {
  const { preview: p, pieces } = d;
  const title = `What is trained of ${d.what}`;
  const rest =
    p.shown.length < p.examples
      ? `<p class="quiet">${formatCount(p.shown.length)} of ${formatCount(p.examples)} examples are shown; <code>-n</code> shows more.</p>`
      : "";
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escaped(title)}</title><style>${style}</style></head><body>
<h1>${escaped(title)}</h1><p class="quiet">${escaped(d.format)}, as the template and the tokenizer of ${escaped(d.model)} have it</p>
${summary(d)}
<p class="legend"><b>trained</b><span>its loss is learnt from</span><i>read</i><span>context only</span><i class="s">&lt;|special|&gt;</i><span>one token that no text of a file can write</span>⏎<span>a line end</span></p>
${problemList(d.problems)}
${p.shown.map((e, i) => example(e, pieces[i]!)).join("\n")}
${rest}
</body></html>
`;
}
