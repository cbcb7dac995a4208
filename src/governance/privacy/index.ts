export { type AccountantName, accountants, epsilonOf, noiseFor } from "./accountant.ts";
export { epsilonOfLosses } from "./loss-distribution.ts";
export { epsilonOfRenyi, type PrivacySteps, type RenyiEpsilon, renyiCurve, renyiOf, renyiOrders, type SampledGaussian } from "./renyi.ts";
