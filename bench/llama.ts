/** llama.cpp as a peer: where its programs are, the forms of one model it is measured in, and its own benches over them. */
import { existsSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { run } from "./child.ts";

/**
 * A program of llama.cpp: of the folder LOAM_LLAMA_CPP, of the search path, or of the Python package in bench/peers (`npm run bench -- peers
 * --llama`). Undefined where there is none.
 */
export function findLlama(peers: string | undefined, name: string): string | undefined {
  const folders = [process.env.LOAM_LLAMA_CPP ?? "", ...(process.env.PATH ?? "").split(delimiter)].filter(f => f !== "");
  const direct = folders.map(f => join(f, name)).find(existsSync);
  if (direct !== undefined) return direct;
  const venv = join(peers ?? "", ".venv");
  if (peers === undefined || !existsSync(venv)) return undefined;
  const entry = readdirSync(venv, { recursive: true, encoding: "utf8" }).find(e => e.endsWith(`/${name}`));
  return entry === undefined ? undefined : join(venv, entry);
}

/** What it is measured in besides the file as it is; its own program makes them. */
const madeForms = ["Q8_0", "BF16"] as const;

/** Files of one model in llama.cpp's forms, by name; the made ones are written to `folder`. */
export async function llamaFiles(quantize: string | undefined, shipped: string, folder: string): Promise<Readonly<Record<string, string>>> {
  const files: Record<string, string> = { "Q4_1 as it is": shipped };
  if (quantize === undefined) return files;
  for (const form of madeForms) {
    const file = join(folder, `${form}.gguf`);
    await run(quantize, ["--allow-requantize", shipped, file, form]);
    files[form] = file;
  }
  return files;
}

export interface LlamaSpeed {
  readonly decode: number;
  readonly prefill: number;
}
export interface LlamaLoad {
  readonly batch: number;
  readonly prompt: number;
  /** Tokens written after each prompt. */
  readonly written: number;
  readonly threads: number;
}

/** Tokens a second of `llama-batched-bench`, one run; `repack` false turns its kernels over reordered weights off. */
async function batchedBench(program: string, file: string, { batch, prompt, written, threads }: LlamaLoad, repack: boolean) {
  const room = batch * (prompt + written);
  const sizes = ["-c", String(room), "-b", "2048", "-ub", "512", "-npp", String(prompt), "-ntg", String(written), "-npl", String(batch)];
  const text = await run(program, [
    "-m",
    file,
    ...sizes,
    "-t",
    String(threads),
    ...(repack ? [] : ["--no-repack"]),
    "--output-format",
    "jsonl",
  ]);
  const line = text.split("\n").findLast(l => l.startsWith("{"));
  if (line === undefined) throw new Error(`${program}: expected a line of figures, got ${text.slice(-300)}`);
  const { speed_pp, speed_tg } = JSON.parse(line) as { speed_pp: number; speed_tg: number };
  return { decode: speed_tg, prefill: speed_pp };
}

/** As it comes, and without its reordered weights where it breaks on them (some formats on processors with AMX). */
export async function llamaSpeed(program: string, file: string, load: LlamaLoad): Promise<LlamaSpeed> {
  try {
    return await batchedBench(program, file, load, true);
  } catch {
    return batchedBench(program, file, load, false);
  }
}

/** Tokens a window of `llama-perplexity`; it judges the second half of each. */
const windowTokens = 512;

/** What `llama-perplexity` says of a text in a file. */
export async function llamaPerplexity(program: string, file: string, text: string, threads: number): Promise<number> {
  const said = await run(program, ["-m", file, "-f", text, "-c", String(windowTokens), "-t", String(threads)]);
  // after each window the estimate so far: [1]149.8,[2]48.5,
  const found = [...said.matchAll(/\[\d+\]([\d.]+)/g)].at(-1);
  if (!found) throw new Error(`${program}: expected an estimate a window, "[1]x,", got ${said.slice(-300)}`);
  return Number(found[1]);
}
