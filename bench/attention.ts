/**
 * Causal attention, forward and backward, as the operators of training steps compute it, beside PyTorch's `scaled_dot_product_attention`, by
 * length, form and threads; and how the memory of a pass grows with the length.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { usableFeatures } from "../src/machine/index.ts";
import { type Contender, contest } from "./contender.ts";
import { type Bar, type BenchContext, type BenchResult, digits, interleaved, median, medianRatio } from "./harness.ts";

const lengths = [256, 512, 1024, 2048, 4096];
const setting = { heads: 12, size: 64 };
const rounds = 5;
/** PyTorch is to be behind from here on. */
const leastLength = 512;

/** Operations of the products: two forward and five backward over the pairs that are seen. */
const operations = (length: number): number => 14 * setting.heads * setting.size * ((length * (length + 1)) / 2);

type Side = "loam" | "PyTorch";

export async function run({ peers, say, scale }: BenchContext): Promise<BenchResult> {
  const { wide512, bf16 } = usableFeatures();
  const python = peers && join(peers, ".venv", "bin", "python");
  const torch = python !== undefined && existsSync(python);
  const forms = [...(wide512 ? ["f32"] : []), ...(bf16 ? ["bf16"] : [])];
  const [ours, theirs, ratios]: Record<string, number>[] = [{}, {}, {}];
  const bars: Bar[] = [];
  const peaks: Record<string, number> = {};
  await contest("attention", async ({ start }) => {
    for (const threads of [1, 2]) {
      const given = JSON.stringify({ ...setting, threads });
      const own = [process.execPath, fileURLToPath(new URL("./attention-side.js", import.meta.url)), given];
      const sides: Partial<Record<Side, Contender>> = {
        loam: start("loam", own, threads),
        ...(torch ? { PyTorch: start("PyTorch", [python, join(peers!, "attention.py"), given], threads) } : {}),
      };
      for (const form of forms)
        for (const length of lengths.filter(n => n <= 4096 * scale)) {
          const name = `${form}, ${length} tokens, ${threads} thread${threads > 1 ? "s" : ""}`;
          say(name);
          // one thread: what the processor needs, whatever else the machine does; two: the clock
          const ask = (side: Contender) => async () => {
            const { ms, wallMs } = await side.ask(`${length} ${form}`);
            return threads === 1 ? ms : wallMs!;
          };
          const ms = await interleaved(rounds, Object.fromEntries(Object.entries(sides).map(([side, c]) => [side, ask(c)])));
          ours![`${name}, ms`] = digits(median(ms.loam!));
          ours![`${name}, GFLOP/s`] = Math.round(operations(length) / median(ms.loam!) / 1e6);
          if (ms.PyTorch) {
            theirs![`${name}, ms`] = digits(median(ms.PyTorch));
            const ratio = digits(medianRatio(ms.PyTorch, ms.loam!));
            ratios![name] = ratio;
            if (length >= leastLength) bars.push({ name, want: "> 1", got: ratio, holds: ratio > 1 });
          }
          if (threads === 1) {
            const { peakBytes } = await sides.loam!.ask(`peak ${length} ${form}`);
            peaks[`${form}, ${length} tokens, peak MB`] = digits(peakBytes! / 1e6);
          }
        }
      for (const side of Object.values(sides)) side.close();
    }
  });
  for (const form of forms) {
    const of = (length: number) => peaks[`${form}, ${length} tokens, peak MB`];
    const [few, many] = [of(1024), of(4096)];
    if (few !== undefined && many !== undefined)
      bars.push({ name: `${form}: peak of 4,096 tokens / 1,024`, want: "<= 4.5", got: digits(many / few), holds: many <= 4.5 * few });
  }
  return {
    method: `causal attention, 1 row of ${setting.heads} heads of ${setting.size}, forward and the gradients of q, k and v; 1 thread by processor time, 2 by the clock; median of ${rounds} interleaved rounds`,
    ours: { ...ours, ...peaks },
    peers: theirs!,
    ratios: ratios!,
    bars,
    notes: [
      ...(torch ? [] : ["no PyTorch: bench/peers/.venv is not there"]),
      ...["f32", "bf16"].filter(x => !forms.includes(x)).map(x => `${x}: not measured here (the processor lacks its instructions)`),
    ],
  };
}
