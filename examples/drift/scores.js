// Log loss, AUC and F1 of predictions `{ label, spam }`, where `spam` is the probability that was told; also at a fixed share of spam.
const least = 5e-5;
const clipped = p => Math.min(1 - least, Math.max(least, p));

/** Nats of the true class. */
export const lossOf = ({ label, spam }) => -Math.log(label === "spam" ? clipped(spam) : 1 - clipped(spam));

/** Weights by which spam has this share. */
function weightsFor(predictions, share) {
  const spam = predictions.filter(p => p.label === "spam").length;
  const of = { spam: (share * predictions.length) / spam, ham: ((1 - share) * predictions.length) / (predictions.length - spam) };
  return predictions.map(p => of[p.label]);
}

export function auc(predictions) {
  const sorted = predictions.toSorted((a, b) => a.spam - b.spam);
  let [rank, i, spam] = [0, 0, 0];
  while (i < sorted.length) {
    let j = i;
    while (j < sorted.length && sorted[j].spam === sorted[i].spam) j++;
    const ties = sorted.slice(i, j).filter(p => p.label === "spam").length;
    rank += (ties * (i + j + 1)) / 2;
    spam += ties;
    i = j;
  }
  return (rank - (spam * (spam + 1)) / 2) / (spam * (sorted.length - spam));
}

function f1(predictions, weights) {
  const sum = is => predictions.reduce((n, p, i) => n + (is(p.spam > 0.5, p.label === "spam") ? weights[i] : 0), 0);
  const [hit, wrong, missed] = [sum((told, so) => told && so), sum((told, so) => told && !so), sum((told, so) => !told && so)];
  return (2 * hit) / (2 * hit + wrong + missed);
}

const weightedLoss = (predictions, weights) =>
  predictions.reduce((sum, p, i) => sum + weights[i] * lossOf(p), 0) / weights.reduce((a, b) => a + b, 0);

/** `share`: the fixed share of spam. */
export function scoresOf(predictions, share = 0.2) {
  const ones = predictions.map(() => 1);
  const fixed = weightsFor(predictions, share);
  return {
    mails: predictions.length,
    spam: predictions.filter(p => p.label === "spam").length,
    logLoss: weightedLoss(predictions, ones),
    auc: auc(predictions),
    f1: f1(predictions, ones),
    fixedShare: { share, logLoss: weightedLoss(predictions, fixed), f1: f1(predictions, fixed) },
  };
}
