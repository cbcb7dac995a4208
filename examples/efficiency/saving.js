// What is saved, and how sure it is: pure functions of costs. Costs are compared by their ratio, so means and intervals are those of logarithms; runs of
// one seed are a pair.
import { bootstrap, resampledMean } from "loam/statistics";

/** Mean and 95 % interval (Student's t over seeds) of positive ratios, on their logarithms. */
export function meanRatio(ratios, confidence = 0.95) {
  const logs = ratios.map(Math.log);
  const { mean, deviation, low, high } = resampledMean(logs, { testSize: 0, trainSize: 1, confidence });
  return { ratio: Math.exp(mean), low: Math.exp(low), high: Math.exp(high), logMean: mean, logDeviation: deviation, seeds: ratios.length };
}

/**
 * Saving of paired runs: 1 - mean of cost(ours) / cost(theirs). `charges` are added to each run's cost before (curation, sweep). The interval is over
 * seeds; it is NaN of a single one.
 */
export function savingOf(pairs, charges = { ours: 0, theirs: 0 }, confidence = 0.95) {
  const { ratio, low, high } = meanRatio(
    pairs.map(p => (charges.ours + p.ours) / (charges.theirs + p.theirs)),
    confidence,
  );
  return { saving: 1 - ratio, low: 1 - high, high: 1 - low, seeds: pairs.length };
}

/**
 * Interval of a saving over held-out documents, the seeds being fixed: documents are drawn with repetition, and `savingOn(documents)` gives the saving
 * that these would have shown (target and curves anew). BCa bootstrap.
 */
export function documentInterval(documents, savingOn, { draws = 1000, seed = 1 } = {}) {
  const { value, low, high } = bootstrap(documents, savingOn, { draws, seed });
  return { saving: value, low, high, documents };
}

/** Bits per byte over some documents (all where none are named), with repetitions. */
export function bitsPerByte(bits, bytes, documents) {
  let [b, n] = [0, 0];
  if (documents)
    for (const i of documents) {
      b += bits[i];
      n += bytes[i];
    }
  else
    for (let i = 0; i < bytes.length; i++) {
      b += bits[i];
      n += bytes[i];
    }
  return b / n;
}

/**
 * From the plain recipe's cost to the efficient one's, a factor a lever: [{ name, factor, from, to }]. `factors` say by how much each lever cuts the cost
 * where it alone is exchanged (1 / 0.8 = 1.25). Single factors need not multiply to the whole ratio: the last row is what is left, the levers' interaction.
 */
export function waterfall({ plain, efficient, factors }) {
  const rows = [];
  let cost = plain;
  for (const { name, factor } of [...factors].sort((a, b) => b.factor - a.factor)) {
    rows.push({ name, factor, from: cost, to: cost / factor });
    cost /= factor;
  }
  rows.push({ name: "interaction", factor: cost / efficient, from: cost, to: efficient });
  return rows;
}

/** Is a mean of log ratios within two standard deviations of none: would more seeds tell? */
export const isUnclear = ({ logMean, logDeviation }) => !(Math.abs(logMean) >= 2 * logDeviation);
