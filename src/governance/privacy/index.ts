export { type AccountantName, accountants, epsilonOf, noiseFor } from "./accountant.ts";
export { type AuditGuesses, auditedEpsilon, auditProbability, guessesByScore } from "./audit.ts";
export { epsilonOfLosses } from "./loss-distribution.ts";
export { epsilonOfRenyi, type PrivacySteps, type RenyiEpsilon, renyiCurve, renyiOf, renyiOrders, type SampledGaussian } from "./renyi.ts";
