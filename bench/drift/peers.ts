/** Python beside which the bench stands: scipy and Evidently in one environment, alibi-detect, which wants an older numpy, in another. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

export interface PeerWindow {
  readonly value: number;
  readonly isDrift: boolean;
}

export interface PeerFigures {
  readonly versions: Readonly<Record<string, string>>;
  readonly pairs?: readonly Readonly<
    Record<"ks" | "wasserstein" | "energy", number> & Partial<Record<"ksP" | "cramer" | "cramerP", number>>
  >[];
  readonly chiSquare?: { readonly statistic: number; readonly p: number };
  readonly discrepancy: number;
  readonly windows: Readonly<Record<string, readonly PeerWindow[]>>;
  readonly ms: Readonly<Record<string, number>>;
}

const environments = { LOAM_WATCH_PYTHON: ".venv-watch", LOAM_WATCH_ALIBI_PYTHON: ".venv-watch-alibi" };

/** What each environment says, and a note for each that is not there. */
export function askPeers(file: string): { readonly said: readonly PeerFigures[]; readonly notes: readonly string[] } {
  const peers = join(process.cwd(), "bench", "peers");
  const [said, notes]: [PeerFigures[], string[]] = [[], []];
  for (const [variable, folder] of Object.entries(environments)) {
    const python = process.env[variable] ?? join(peers, folder, "bin", "python");
    if (!existsSync(python)) {
      notes.push(
        `${variable}: no Python at ${python}, its side is left out; bench/peers/requirements${folder.slice(5)}.txt names the packages`,
      );
      continue;
    }
    const text = execFileSync(python, [join(peers, "drift.py"), file], {
      stdio: ["ignore", "pipe", "pipe"],
      maxBuffer: 1 << 26,
    }).toString();
    said.push(JSON.parse(text.trim().split("\n").at(-1)!) as PeerFigures);
  }
  return { said, notes };
}
