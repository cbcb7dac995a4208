/** An autoscaler over real pods: load steps up four times, the decision is timed, and the way back to one pod is counted for lost requests. */
import { openClusterLab, type PhaseSummary } from "./cluster-lab.ts";
import type { BenchContext, BenchResult } from "./harness.ts";

const decisionMs = 30_000;

export async function run({ say, scale }: BenchContext): Promise<BenchResult> {
  const lab = await openClusterLab(say);
  try {
    const least = String(Math.max(50, Math.ceil(500 * scale)));
    const [result] = await lab.run(["--phases", "scale", "--requests", least, "--clients", "4"]);
    const { decidedMs, readyMs, stepped, scaledIn } = result!.facts as {
      decidedMs: number;
      readyMs: number;
      stepped: PhaseSummary;
      scaledIn: PhaseSummary;
    };
    const parts = [result!, stepped, scaledIn];
    const lost = parts.reduce((n, r) => n + r.lost + r.cut + r.refused + r.twice, 0);
    return {
      method:
        "Kubernetes 1.34.4, a HorizontalPodAutoscaler by processor time (150 % of the request, metrics each 10 s, sync each 5 s), 1 to 3 pods of `loam serve`. Clients go from 4 to 16; then two clients while the autoscaler goes back to one pod.",
      ours: { decidedMs, readyMs, requests: parts.reduce((n, r) => n + r.requests, 0), scaleInRequests: scaledIn.requests },
      peers: {},
      ratios: {},
      bars: [
        {
          name: "decision after a step of four times the load",
          want: `<= ${decisionMs} ms`,
          got: decidedMs,
          holds: decidedMs <= decisionMs,
        },
        { name: "lost by the step and by scale-in", want: "0", got: lost, holds: lost === 0 },
      ],
    };
  } finally {
    await lab.close();
  }
}
