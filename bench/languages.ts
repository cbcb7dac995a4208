/**
 * Language identification on real texts of 77 languages at several lengths, beside seven detectors, each unrestricted: every one may say
 * whatever it knows. Accuracy is the mean over languages; speed is all samples once, a process a side on one core.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { features, type Weighed, weights } from "../src/data/steps/language/detect.ts";
import { languageCodes, tableSizes } from "../src/data/steps/language/names.ts";
import { contest, isPinned } from "./contender.ts";
import { mailTexts } from "./filters/corpus.ts";
import { type Bar, type BenchContext, type BenchResult, digits, median } from "./harness.ts";
import { calibrationError, type Example, fitLogistic } from "./languages/calibrate.ts";
import { codeOf } from "./languages/codes.ts";
import { classes, declaration, lengths, type Sample, samples } from "./languages/corpus.ts";

const packages = ["tinyld", "franc", "cld3-asm"] as const;
const wheels = ["fasttext", "py3langid", "lingua-low", "lingua"] as const;
const ROUNDS = 3;

type Labels = readonly string[];

/** Right answers by language, of the samples that `which` takes. */
function accuracies(all: readonly Sample[], labels: Labels, which: (s: Sample) => boolean): Map<string, number> {
  const counts = new Map<string, { right: number; of: number }>();
  for (const [i, s] of all.entries()) {
    if (!which(s)) continue;
    const c = counts.get(s.language) ?? { right: 0, of: 0 };
    counts.set(s.language, c);
    c.of++;
    if (labels[i] === s.language) c.right++;
  }
  return new Map([...counts].map(([language, { right, of }]) => [language, right / of]));
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
/** In percent, over those of the languages that have samples. */
const macro = (a: ReadonlyMap<string, number>, some: readonly string[]): number =>
  digits(100 * mean(some.flatMap(language => (a.has(language) ? [a.get(language)!] : []))), 4);

export const run = ({ peers, say }: BenchContext): Promise<BenchResult> =>
  contest("languages", async ({ folder, start }) => {
    if (!peers) throw new Error("languages: expected the peers, for their texts too. Try npm run bench -- peers.");
    const all = samples(peers);
    const megabytes = all.reduce((n, s) => n + Buffer.byteLength(s.text), 0) / 1e6;
    const file = join(folder, "samples.json");
    writeFileSync(file, JSON.stringify(all.map(s => s.text)));
    const languages = [...new Set(all.map(s => s.language))];

    const worker = fileURLToPath(new URL(`./languages/worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url));
    const ours = start("loam", [process.execPath, worker, file]);
    const python = join(peers, ".venv", ...(process.platform === "win32" ? ["Scripts", "python.exe"] : ["bin", "python"]));
    const others = [
      ...packages
        .filter(p => existsSync(join(peers, "node_modules", p)))
        .map(p => [p, [process.execPath, join(peers, "languages.mjs"), p, file]] as const),
      ...(existsSync(python) ? wheels.map(p => [p, [python, join(peers, "languages.py"), p, file]] as const) : []),
    ];

    const labels = new Map<string, Labels>();
    const rates = new Map<string, number>();
    const read = (path: string, name: string): Labels => (JSON.parse(readFileSync(path, "utf8")) as string[]).map(l => codeOf(l, name));
    for (const size of tableSizes) {
      say(`eld, ${size} tables`);
      const path = join(folder, `loam-${size}.json`);
      await ours.ask(`labels ${path} ${size}`);
      const ms: number[] = [];
      for (let i = 0; i < ROUNDS; i++) ms.push((await ours.ask(`run ${size}`)).ms);
      labels.set(`loam ${size}`, read(path, "eld"));
      rates.set(`loam ${size}`, (megabytes * 1000) / median(ms));
    }
    for (const [name, command] of others) {
      say(name);
      const side = start(name, command);
      const path = join(folder, `${name}.json`);
      const ms = [(await side.ask(`labels ${path}`)).ms];
      // lingua's large models take a quarter of a minute.
      for (let i = 1; i < (ms[0]! > 5000 ? 1 : ROUNDS); i++) ms.push((await side.ask("run")).ms);
      side.close();
      labels.set(name, read(path, name));
      rates.set(name, (megabytes * 1000) / median(ms));
    }

    // A detector knows a language when it names it in more than one of fifty of that language's samples.
    const knows = (name: string, language: string) => (accuracies(all, labels.get(name)!, () => true).get(language) ?? 0) > 0.02;
    const names = [...labels.keys()];
    const known = languages.filter(l => (languageCodes as readonly string[]).includes(l));
    const shared = languages.filter(l => names.every(n => knows(n, l)));
    const cells = [
      ...lengths.map(length => ({ name: `udhr ${length}`, which: (s: Sample) => s.set === "udhr" && s.length === length })),
      ...classes.map(length => ({ name: `django ${length}+`, which: (s: Sample) => s.set === "django" && s.length === length })),
    ];
    const row = (name: string) => ({
      "MB/s": digits(rates.get(name)!, 3),
      knows: languages.filter(l => knows(name, l)).length,
      ...Object.fromEntries(
        cells.map(c => {
          const a = accuracies(all, labels.get(name)!, c.which);
          return [c.name, `${macro(a, shared)} / ${macro(a, known)} / ${macro(a, languages)}`];
        }),
      ),
    });

    say("documents");
    const mails = await mailTexts(process.cwd());
    const declarations = languages.flatMap(l => declaration(peers, l) ?? []);
    const documents: Record<string, number> = {};
    for (const [name, texts] of [
      ["mails", mails],
      ["declarations", declarations],
    ] as const) {
      const path = join(folder, `${name}.json`);
      writeFileSync(path, JSON.stringify(texts));
      const side = start(name, [process.execPath, worker, path]);
      const size = texts.reduce((n, t) => n + Buffer.byteLength(t), 0) / 1e6;
      for (const mode of ["ignore", "keep", "drop-foreign"]) {
        await side.ask(`documents ${mode}`);
        documents[`${name}, paragraphs ${mode}, MB/s`] = digits((size * 1000) / (await side.ask(`documents ${mode}`)).ms);
      }
      side.close();
    }

    say("calibration");
    const path = join(folder, "weighed.json");
    await ours.ask(`weighed ${path} medium`);
    const weighed = JSON.parse(readFileSync(path, "utf8")) as (Weighed | null)[];
    const examples = weighed.map((w, i): Example | null => w && { features: features(w), isRight: w.language === all[i]!.language });
    const half = (odd: number) => examples.filter((e, i): e is Example => e !== null && i % 2 === odd);
    const fitted = fitLogistic(half(0));
    const error = calibrationError(half(1), weights);

    const medium = labels.get("loam medium")!;
    const worst = [...accuracies(all, medium, s => s.length >= 40 && known.includes(s.language))].sort(([, a], [, b]) => a - b).slice(0, 8);
    const taken = Object.fromEntries(
      languages
        .filter(l => !known.includes(l))
        .map(l => {
          const counts = new Map<string, number>();
          for (const [i, s] of all.entries())
            if (s.language === l && s.length >= 80) counts.set(medium[i]!, (counts.get(medium[i]!) ?? 0) + 1);
          return [l, [...counts].sort(([, a], [, b]) => b - a)[0]?.[0] ?? ""];
        }),
    );
    const at = (name: string, cell: number) =>
      mean(shared.flatMap(l => accuracies(all, labels.get(name)!, cells[cell]!.which).get(l) ?? []));
    const bars: Bar[] = cells.map((c, i) => {
      const best = Math.max(...others.map(([name]) => at(name, i)));
      const own = at("loam medium", i);
      return {
        name: `${c.name}: the best peer on the ${shared.length} shared languages`,
        want: `>= ${digits(best * 100, 4)} % - 0.5`,
        got: digits(own * 100, 4),
        holds: own >= best - 0.005,
      };
    });
    bars.push({ name: "calibration error on the half not fitted", want: "<= 0.05", got: digits(error), holds: error <= 0.05 });
    return {
      method:
        `${all.length} samples, ${languages.length} languages, ${digits(megabytes)} MB: pieces of the declaration of human rights of at most so many characters, Django's messages of at least so many; ` +
        `accuracy in %, mean over the ${shared.length} languages that all sides know / the ${known.length} of eld's / all ${languages.length}; MB/s of processor time, ${isPinned ? "bound to core 0" : "not bound"} of ${cpus()[0]?.model ?? "an unknown processor"}`,
      ours: {
        ...Object.fromEntries(tableSizes.map(size => [`loam ${size}`, row(`loam ${size}`)])),
        ...documents,
        "calibration error": digits(error),
      },
      peers: Object.fromEntries(others.map(([name]) => [name, row(name)])),
      ratios: Object.fromEntries(others.map(([name]) => [`speed beside ${name}`, digits(rates.get("loam medium")! / rates.get(name)!)])),
      bars,
      notes: [
        "Django's messages hold English names and are what a web framework says; franc's tables come from the declaration, so its figures there are of texts it has seen",
        `hardest for eld at 40 characters and more: ${worst.map(([l, a]) => `${l} ${digits(a * 100)}`).join(", ")}`,
        `languages eld does not know, and what it takes them for: ${Object.entries(taken)
          .map(([l, as]) => `${l} ${as || "und"}`)
          .join(", ")}`,
        `weights of the chance fitted in this run: ${fitted.map(w => w.toFixed(4)).join(", ")}; in use: ${weights.join(", ")}`,
      ],
    };
  });
