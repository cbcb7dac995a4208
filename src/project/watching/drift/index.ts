/** Drift of what models see from what they were trained on. */
export { compareTraffic, type TrafficDrift } from "./compare-traffic.ts";
export { type DriftLook, type DriftRule, driftFigures, driftScope, lookForDrift } from "./drift-alarms.ts";
export { type LiveSketches, liveWindows, openLiveSketches, type RunningSketches, runLiveSketches } from "./live-sketches.ts";
export type { TrafficSeason } from "./season-traffic.ts";
export { eraseOwnerSketches, erasureKeyOf, holdsErased } from "./sketch-owners.ts";
export { type OpenedSubject, type SketchedSubject, versionSketch } from "./subject.ts";
export { type DriftQuestion, measureDrift, type WatchedDrift } from "./watch-drift.ts";
