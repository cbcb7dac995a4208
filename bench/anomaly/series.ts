/** Labelled series of PyPI's aeon as windows, the same for all detectors. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { random } from "../../src/base/index.ts";

export interface WindowSet {
  readonly name: string;
  readonly columns: number;
  /** Windows of the reference, and those that are scored, with whether each has a labelled point. */
  readonly fit: readonly Float64Array[];
  readonly score: readonly Float64Array[];
  readonly labels: readonly number[];
}

interface Series {
  /** By channel. */
  readonly channels: readonly Float64Array[];
  readonly labels: readonly number[];
}

/** Numbers of a CSV file between its first column (time) and its last (label). */
function readSeries(file: string): Series {
  const lines = readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .slice(1)
    .map(line => line.trim().split(","));
  const width = lines[0]!.length - 2;
  return {
    channels: Array.from({ length: width }, (_, c) => Float64Array.from(lines, cells => Number(cells[c + 1]))),
    labels: lines.map(cells => Number(cells.at(-1))),
  };
}

const windowLength = 64;

function windowsOf(
  { channels, labels }: Series,
  from: number,
  to: number,
  step: number,
  of: (parts: readonly Float64Array[]) => Float64Array,
) {
  const [rows, own]: [Float64Array[], number[]] = [[], []];
  for (let at = from; at + windowLength <= to; at += step) {
    rows.push(of(channels.map(c => c.subarray(at, at + windowLength))));
    own.push(labels.slice(at, at + windowLength).includes(1) ? 1 : 0);
  }
  return { rows, labels: own };
}

const whole = (parts: readonly Float64Array[]): Float64Array => Float64Array.from(parts[0]!);

/** Mean and deviation of each channel, as monitors have of a minute. */
const moments = (parts: readonly Float64Array[]): Float64Array =>
  Float64Array.from(
    parts.flatMap(p => {
      const mean = p.reduce((a, b) => a + b, 0) / p.length;
      return [mean, Math.sqrt(p.reduce((sum, x) => sum + (x - mean) ** 2, 0) / p.length)];
    }),
  );

/** Faults of sensors in a series that has no label: one channel stands still, doubles what it moves, or shows another time. */
function planted({ channels }: Series, from: number): Series {
  const draw = random("planted");
  const labels = new Array<number>(channels[0]!.length).fill(0);
  const changed = channels.map(c => Float64Array.from(c));
  for (let at = from + 100, kind = 0; at + 200 < labels.length; at += 330, kind++) {
    const [own, original] = (c => [changed[c]!, channels[c]!])(draw.below(channels.length));
    const mean = original.subarray(at, at + 96).reduce((a, b) => a + b, 0) / 96;
    for (let i = at; i < at + 96; i++) {
      own[i] = kind % 3 === 0 ? own[at]! : kind % 3 === 1 ? mean + 2 * (original[i]! - mean) : original[(i * 7 + 1500) % from]!;
      labels[i] = 1;
    }
  }
  return { channels: changed, labels };
}

export function readWindowSets(folder: string): readonly WindowSet[] {
  const file = (name: string, i: number) => readSeries(join(folder, `${name}-${i}.csv`));
  const set = (name: string, fit: ReturnType<typeof windowsOf>, score: ReturnType<typeof windowsOf>): WindowSet => ({
    name,
    columns: fit.rows[0]!.length,
    fit: fit.rows,
    score: score.rows,
    labels: score.labels,
  });
  const [ucrFit, ucr] = [file("ucr-135", 0), file("ucr-135", 1)];
  // the series begins with what it is learnt from
  const begin = ucrFit.labels.length;
  const [ecgFit, ecg] = [file("ecg-count", 0), file("ecg-count", 1)];
  const still = file("daphnet", 0);
  const third = Math.floor(still.labels.length / 3);
  const daphnet = planted(still, third);
  return [
    set("ucr-135", windowsOf(ucrFit, 0, begin, 1, whole), windowsOf(ucr, begin, ucr.labels.length, 2, whole)),
    set("ecg-count", windowsOf(ecgFit, 0, ecgFit.labels.length, 5, whole), windowsOf(ecg, 0, ecg.labels.length, 4, whole)),
    set("daphnet-planted", windowsOf(daphnet, 0, third, 2, moments), windowsOf(daphnet, third, daphnet.labels.length, 8, moments)),
  ];
}

const written = (rows: readonly Float64Array[]): Buffer =>
  Buffer.concat(rows.map(row => Buffer.from(row.buffer, row.byteOffset, row.byteLength)));

/** Windows as files, and the list of them that the other side reads. */
export function writeWindowSets(folder: string, sets: readonly WindowSet[]): string {
  const manifest = sets.map(({ name, columns, fit, score }) => {
    writeFileSync(join(folder, `${name}.fit`), written(fit));
    writeFileSync(join(folder, `${name}.score`), written(score));
    return { name, columns, fit: `${name}.fit`, score: `${name}.score` };
  });
  const path = join(folder, "manifest.json");
  writeFileSync(path, JSON.stringify(manifest));
  return path;
}

export function readScores(folder: string, file: string): Float64Array {
  const bytes = readFileSync(join(folder, file));
  return new Float64Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}
