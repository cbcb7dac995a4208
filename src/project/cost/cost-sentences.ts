/** What a cost rests on, in sentences for the terminal and the console: utilisation, machines, energy, price, what is missing. */
import type { CostReport } from "./cost-report.ts";

const percent = (x: number): string => `${(100 * x).toFixed(1)} %`;

function energySentences({ rates: { wattsPerCore, pue }, energySource, energyProblems }: CostReport): string[] {
  const counted = `counted by the processor (RAPL), this process's share of it, times a PUE of ${pue}`;
  const estimated = `estimated: ${wattsPerCore} W a busy core, PUE ${pue}.${energyProblems.map(p => ` Not counted: ${p}.`).join("")}`;
  if (energySource === "counters") return [`Energy is ${counted}.`];
  return energySource === "model"
    ? [`Energy is ${estimated}`]
    : [`Energy of some runs is ${counted}.`, `Energy of the others is ${estimated}`];
}

export function costSentences(report: CostReport): string[] {
  const { rates, lines, machines, runsWithoutLedger: n } = report;
  const { price } = rates;
  const utilisations = lines.flatMap(({ what, utilisation: u }) =>
    u
      ? [
          `Utilisation of ${what}: MFU ${percent(u.mfu)}, HFU ${percent(u.hfu)} of the measured peak of one core, over the core-seconds of its steps.`,
        ]
      : [],
  );
  const waits = lines.flatMap(({ what, waitedSeconds: s }) =>
    s > 0 ? [`Ranks of ${what} waited ${s.toFixed(1)} s in all for each other and their links, which is no processor time.`] : [],
  );
  const when = price.date === "" ? "" : `, ${price.date}`;
  const missing = n === 1 ? "1 run has no ledger" : `${n} runs have no ledger`;
  return [
    ...utilisations,
    ...waits,
    ...machines.map(m => `Machine: ${m}.`),
    ...energySentences(report),
    `Price: $${price.usdPerCoreHour} per core-hour (${price.kind}${when}): ${price.source}.`,
    ...(n > 0 ? [`${missing} and counts as 0 (from an earlier version of Loam, or killed within 5 s): the total is a lower bound.`] : []),
  ];
}
