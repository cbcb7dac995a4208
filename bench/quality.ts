/**
 * Learned quality on real mails, ham as good and spam as bad: how fast models are learnt and texts scored, how well both kinds are told apart
 * and whether scores come true, beside fastText and scikit-learn on the same core, the same folds, the same hashed size.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { areaUnderCurve, brierScore, decisionsAt, qualityCalibrationError, qualityTraining } from "../src/data/index.ts";
import { contest, isPinned } from "./contender.ts";
import { type BenchContext, type BenchResult, digits, interleaved, median, medianRatio } from "./harness.ts";
import { folds, labelledMails } from "./quality/corpus.ts";

const ROUNDS = 3;
/** What the training does by default; all sides hash to as many buckets. */
const { bits } = qualityTraining.parse({});

export const run = ({ peers, say }: BenchContext): Promise<BenchResult> =>
  contest("quality", async ({ folder, start }) => {
    say("reading and cleaning the mails");
    const mails = await labelledMails(process.cwd());
    const megabytes = mails.reduce((n, m) => n + Buffer.byteLength(m.text), 0) / 1e6;
    const corpus = join(folder, "mails.jsonl");
    writeFileSync(corpus, mails.map(m => JSON.stringify(m)).join("\n"));
    const worker = fileURLToPath(new URL(`./quality/worker${import.meta.url.endsWith(".ts") ? ".ts" : ".js"}`, import.meta.url));
    const python = peers && join(peers, ".venv", ...(process.platform === "win32" ? ["Scripts", "python.exe"] : ["bin", "python"]));
    const hasPeers = python !== undefined && existsSync(python);
    const names = ["loam", ...(hasPeers ? ["fasttext", "sklearn"] : [])];
    const sides = Object.fromEntries(
      names.map(name => [
        name,
        start(
          name,
          name === "loam" ? [process.execPath, worker, corpus] : [python!, join(peers!, "quality.py"), name, corpus, String(bits)],
        ),
      ]),
    );
    const times = (command: string) =>
      interleaved(ROUNDS, Object.fromEntries(names.map(name => [name, async () => (await sides[name]!.ask(command)).ms])));
    say(`fit: ${ROUNDS} rounds`);
    const fit = await times("fit");
    say(`score: ${ROUNDS} rounds`);
    const score = await times("score");
    say("the whole training, with folds and calibration");
    const train = [(await sides.loam!.ask("train")).ms, (await sides.loam!.ask("train")).ms];

    const figures: Record<string, Record<string, number>> = {};
    const rate = (ms: readonly number[]) => digits((megabytes * 1000) / median(ms));
    for (const name of names) {
      say(`${name}: ${folds} folds`);
      const file = join(folder, `${name}.json`);
      await sides[name]!.ask(`folds ${file}`);
      const { raw, calibrated = raw } = JSON.parse(readFileSync(file, "utf8")) as { raw: number[]; calibrated?: number[] };
      const scored = (scores: readonly number[]) => mails.map((m, i) => ({ score: scores[i]!, isGood: m.isGood }));
      const decided = decisionsAt(scored(calibrated));
      figures[name] = {
        "fit MB/s": rate(fit[name]!),
        "score MB/s": rate(score[name]!),
        AUC: digits(areaUnderCurve(scored(calibrated)), 5),
        F1: digits(decided.f1, 4),
        accuracy: digits(decided.accuracy, 4),
        "F1 of spam": digits(decisionsAt(mails.map((m, i) => ({ score: 1 - calibrated[i]!, isGood: !m.isGood }))).f1, 4),
        Brier: digits(brierScore(scored(calibrated))),
        ECE: digits(qualityCalibrationError(scored(calibrated))),
        ...(name === "loam"
          ? {
              "Brier uncalibrated": digits(brierScore(scored(raw))),
              "ECE uncalibrated": digits(qualityCalibrationError(scored(raw))),
              "train with folds and calibration MB/s": rate(train),
            }
          : {}),
      };
    }
    const { loam: ours, ...others } = figures;
    const ratios = Object.fromEntries(
      names
        .filter(n => n !== "loam")
        .flatMap(n => [
          [`fit beside ${n}`, digits(medianRatio(fit[n]!, fit.loam!))],
          [`score beside ${n}`, digits(medianRatio(score[n]!, score.loam!))],
        ]),
    );
    const best = Math.max(...Object.values(others).map(o => o.AUC!));
    return {
      method:
        `${mails.length} mails (${mails.filter(m => m.isGood).length} ham), ${megabytes.toFixed(1)} MB of UTF-8; figures of scores over all mails, each scored by a model of the other ${folds - 1} of ${folds} folds, ` +
        `near-copies in one fold; MB/s of processor time, ${isPinned ? "all sides bound to core 0" : "not bound"} of ${cpus()[0]?.model ?? "an unknown processor"}, interleaved, medians of ${ROUNDS}; words and pairs hashed to 2^${bits} on all sides`,
      ours: ours!,
      peers: others,
      ratios,
      bars: [
        { name: "scoring", want: ">= 10 MB/s on one core", got: ours!["score MB/s"]!, holds: ours!["score MB/s"]! >= 10 },
        ...(hasPeers
          ? [
              {
                name: "AUC beside the best peer",
                want: `>= ${digits(best - 0.001, 5)}`,
                got: ours!.AUC!,
                holds: ours!.AUC! >= best - 0.001,
              },
            ]
          : []),
      ],
      notes: [
        "fit is features and passes of one learning; fastText's texts are split, lowered and written to its file before the clock starts, the others' clocks include that",
        ...(hasPeers ? [] : ["fastText and scikit-learn are not installed: npm run bench -- peers"]),
      ],
    };
  });
