/** Inner door: the base that is tuned as a baseline: its states as they are, and linear models of them. */
export { type Probe, type ProbeTexts, probeClasses, probeNumbers, standardised, strengths } from "./probe.ts";
export { type FrozenStates, frozenStatesStage, readStates } from "./states-stage.ts";
