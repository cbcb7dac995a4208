/**
 * Requests while pods come and go on a real cluster: a rolling update, a drained node, a canary, under load of kept connections to the Service and through the
 * gateway, a third of them streams. The same rolling update of servers that stop at once shows that the bench would notice.
 */
import { openClusterLab, type PhaseSummary } from "./cluster-lab.ts";
import type { Bar, BenchContext, BenchResult } from "./harness.ts";

const requests = 20_000;
/** Before a change, after it, and at the steps of the canary: as many as make 20,000 of three phases. */
const partsOfPhases = 2 + 2 + 7;

const sum = (results: readonly PhaseSummary[], of: (r: PhaseSummary) => number): number => results.reduce((n, r) => n + of(r), 0);
const failed = (r: PhaseSummary): number => r.lost + r.cut + r.refused + r.twice + r.mixed;

export async function run({ say, scale }: BenchContext): Promise<BenchResult> {
  const lab = await openClusterLab(say);
  try {
    const least = String(Math.ceil((requests * scale) / partsOfPhases));
    const ours = await lab.run(
      ["--phases", "rolling,drain,canary", "--requests", least, "--clients", "12"].concat(["--long-tokens", "4000", "--long-every", "60"]),
    );
    say("the same without the lame-duck phase");
    const [abrupt] = await lab.run(
      ["--phases", "rolling", "--requests", String(Math.min(500, Number(least))), "--clients", "12"].concat([
        "--serve-flags",
        "--shutdown-delay 0",
      ]),
    );
    const all = sum(ours, r => r.requests);
    const bar = (name: string, got: number): Bar => ({ name, want: "0", got, holds: got === 0 });
    return {
      method:
        "Kubernetes 1.34.4, two nodes, two pods of `loam serve` (a toy of one layer), 12 clients with kept connections: half to the Service through kube-proxy, half to a gateway that follows its endpoints. A third of the requests streams; each answer is checked whole.",
      ours: {
        phases: Object.fromEntries(ours.map(({ phase, ...r }) => [phase, r])),
        requests: all,
        streams: sum(ours, r => r.streams),
        streamsOf30s: sum(ours, r => r.over30s),
      },
      peers: {
        "without the lame-duck phase (--shutdown-delay 0)": {
          requests: abrupt!.requests,
          failed: failed(abrupt!),
          failures: abrupt!.failures,
        },
      },
      ratios: {},
      bars: [
        { name: "requests", want: `>= ${requests}`, got: all, holds: all >= requests },
        bar(
          "lost",
          sum(ours, r => r.lost),
        ),
        bar(
          "cut",
          sum(ours, r => r.cut),
        ),
        bar(
          "refused",
          sum(ours, r => r.refused),
        ),
        bar(
          "answered twice, or with tokens of two versions",
          sum(ours, r => r.twice + r.mixed),
        ),
        { name: "streams of 30 s and more", want: ">= 1", got: sum(ours, r => r.over30s), holds: sum(ours, r => r.over30s) >= 1 },
      ],
    };
  } finally {
    await lab.close();
  }
}
