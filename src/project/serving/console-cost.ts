/** What a run cost and what its kernels took, as the console has them. */
import { type CorePricesPart, hardwareFlops } from "../../ledger/index.ts";
import type { ConsoleSource } from "../../serve/index.ts";
import { openArtifact, readRunData, type Store } from "../../store/index.ts";
import { profileFile, readTrainingProfile } from "../../train/index.ts";
import { type CostUse, costRatesOf, costReport, costSentences, lineageRuns } from "../cost/index.ts";

type Cost = NonNullable<Awaited<ReturnType<NonNullable<ConsoleSource["cost"]>>>>;
type Profile = NonNullable<Awaited<ReturnType<NonNullable<ConsoleSource["profile"]>>>>;

const amounts = ({ coreSeconds, work, kilowattHours, usd }: CostUse) => ({ coreSeconds, flops: hardwareFlops(work), kilowattHours, usd });

/** Errors: store/notFound. */
export async function consoleCost(store: Store, id: string, prices: CorePricesPart): Promise<Cost> {
  await openArtifact(store, id);
  const report = costReport(await lineageRuns(store, id), costRatesOf(prices));
  const { subject, lines, categories, total, totalWithoutSweeps } = report;
  return {
    subject,
    lines: lines.map(({ what, stage, category, runs, unfinished, withoutLedger, use, utilisation }) => ({
      what,
      stage,
      category,
      runs,
      unfinished,
      withoutLedger,
      ...amounts(use),
      mfu: utilisation?.mfu ?? null,
      hfu: utilisation?.hfu ?? null,
    })),
    categories: categories.map(c => ({ category: c.category, share: c.share, ...amounts(c) })),
    total: amounts(total),
    totalWithoutSweeps: amounts(totalWithoutSweeps),
    notes: costSentences(report),
  };
}

/** Errors: store/notFound. */
export async function consoleProfile(store: Store, id: string): Promise<Profile> {
  const text = await readRunData(store, await openArtifact(store, id), profileFile);
  return { profile: (text === undefined ? undefined : readTrainingProfile(text)) ?? null };
}
