/** loop: when a model is trained again, what the new version must show, and how it takes over or goes back. Pure: what it directs are ports of `project`. */
export { loopErrors } from "./errors.ts";
export { type LoopEvent, type TrafficVerdict, trafficVerdicts } from "./events.ts";
export { gateLevel, type LossGate, lossGates, type PairedLoss } from "./gates.ts";
export { advanceLoop, isAhead, type LoopStep, type LoopTransition, type LoopWork, lastPromoted, pendingWork } from "./machine.ts";
export { type LoopPolicy, type LossName, loopPolicy } from "./part.ts";
export { type DatedRow, drawRound, type RoundDraw } from "./replay.ts";
export {
  type Evidence,
  idleState,
  type LoopPhase,
  type LoopRound,
  type LoopState,
  type LoopTrigger,
  type RoundCandidate,
} from "./state.ts";
export {
  type DriftSignal,
  decideTrigger,
  type LoopSignals,
  type LossSample,
  lossSample,
  type QualitySignal,
  roundBudget,
  spentBudget,
  type TriggerDecision,
} from "./triggers.ts";
export {
  type AssembledRound,
  BlockedLoopWork,
  type ComparedTraffic,
  FailedLoopWork,
  type JudgedRound,
  type LoopPorts,
  performLoopWork,
  type TrainedRound,
} from "./work.ts";
