/** Parquet pages that were made to mislead hyparquet cost their file, not the run; the next file is read. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parquetWriteBuffer } from "hyparquet-writer";
import { expect, test } from "vitest";
import type { RandomAccess } from "../file.ts";
import { sourceOptions } from "../options.ts";
import { parquetLimits, parquetReader } from "../parquet.ts";
import { readBytes } from "../read-bytes.laws.ts";
import { readGuarded } from "./guarded.ts";

const options = sourceOptions.parse({ folder: ".", reader: "parquet" });
const read = (bytes: Buffer, limits = parquetLimits) => readBytes("x.parquet", bytes, options, parquetReader(limits));

const rows = 400;
const honest = () =>
  Buffer.from(
    parquetWriteBuffer({
      columnData: [{ name: "text", data: Array.from({ length: rows }, (_, i) => (i % 2 ? "odd text" : "even text")), type: "STRING" }],
      codec: "UNCOMPRESSED",
    }),
  );
/** The indices of the dictionary are one bit each, 0 and 1 in turn: where their run begins its header is put in place of theirs. */
function forged(header: readonly number[]): Buffer {
  const bytes = honest();
  const at = bytes.indexOf(Buffer.alloc(20, 0b10101010));
  expect(at).toBeGreaterThan(0);
  bytes.set(header, at - 1);
  return bytes;
}

test("a run that says it is two thousand million long ends with its time or its memory", async () => {
  const want = await read(honest());
  expect(want).toHaveLength(rows);
  // Run of one value, length 2^31 - 1.
  const bytes = forged([0xfe, 0xff, 0xff, 0xff, 0x0f, 0]);
  for (const limits of [
    { ...parquetLimits, pieceMs: 1000 },
    { ...parquetLimits, memoryBytes: 400 * 2 ** 20, pieceMs: 60_000 },
  ]) {
    const [bad, ...more] = await read(bytes, limits);
    expect(more).toEqual([]);
    expect(bad).toMatchObject({ ok: false, place: `x.parquet:1-${rows}`, reason: expect.stringMatching(/^too-(slow|large)$/) });
    // the next file is read; its time is the machine's business
    expect(await read(honest(), { ...limits, pieceMs: 60_000 })).toEqual(want);
  }
});

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
const until = async (ready: () => boolean) => {
  for (const end = Date.now() + 20_000; !ready() && Date.now() < end; ) await new Promise(next => setTimeout(next, 50));
  return ready();
};

test("a process that is in an endless loop ends when the one that started it is killed", async () => {
  const folder = mkdtempSync(join(tmpdir(), "loam-orphan-"));
  try {
    writeFileSync(join(folder, "x.parquet"), forged([0xfe, 0xff, 0xff, 0xff, 0x0f, 0]));
    // Stands for this program: serves one file to a guarded process, and says which process that is.
    const script = `
      import { fork } from "node:child_process";
      import { readFileSync } from "node:fs";
      const bytes = readFileSync(${JSON.stringify(join(folder, "x.parquet"))});
      const child = fork(${JSON.stringify(fileURLToPath(new URL("./child.mjs", import.meta.url)))}, ["parquet", String(2 ** 33)], {
        serialization: "advanced", stdio: ["ignore", "ignore", "ignore", "ipc"], execArgv: [] });
      child.on("message", m => {
        if (m.read !== undefined) child.send({ read: m.read, bytes: bytes.subarray(m.start, m.end) });
        else { child.send({ next: true }); console.log("pid " + child.pid); }
      });
      child.send({ sizeBytes: bytes.length, options: { roots: ["text"], maxGroupBytes: 2 ** 30, maxGroupRows: 2 ** 24 } });`;
    const parent = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "ignore"] });
    let said = "";
    parent.stdout.on("data", d => {
      said += d;
    });
    expect(await until(() => /pid \d+\n/.test(said))).toBe(true);
    const pid = Number(/pid (\d+)/.exec(said)![1]);
    await new Promise(next => setTimeout(next, 300));
    expect(isAlive(pid)).toBe(true);
    parent.kill("SIGKILL");
    expect(await until(() => !isAlive(pid))).toBe(true);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("the time of who uses the pieces, and of who reads the bytes, is not the job's", async () => {
  const text = Array.from({ length: 3000 }, (_, i) => `row ${i}`);
  const content = Buffer.from(parquetWriteBuffer({ columnData: [{ name: "text", data: text, type: "STRING" }], rowGroupSize: 500 }));
  // The pauses make up more than the limit of the file.
  const limits = { ...parquetLimits, fileMs: 5000 };
  const pause = () => new Promise<void>(next => setTimeout(next, 700));
  const texts = async (read: RandomAccess["read"], each: () => Promise<void>) => {
    const file = { sizeBytes: content.length, read, close: async () => {} };
    const jobOptions = { roots: ["text"], maxGroupBytes: 2 ** 30, maxGroupRows: 2 ** 24 };
    const out: unknown[] = [];
    for await (const item of readGuarded<{ rows?: unknown[][] }>("parquet", file, jobOptions, limits)) {
      out.push(...(item.rows ?? []).map(r => r[0]));
      await each();
    }
    return out;
  };
  expect(await texts(async (start, end) => content.subarray(start, end), pause)).toEqual(text);
  const slowly: RandomAccess["read"] = async (start, end) => {
    await pause();
    return content.subarray(start, end);
  };
  expect(await texts(slowly, async () => {})).toEqual(text);
});
