/** Windows of live traffic: counted on the path of requests, merged over servers and stretches of time. */
export { judgeResponse, type ObjectiveRule } from "./objective-rules.ts";
export { type SteadyTime, steadyTime } from "./steady-clock.ts";
export {
  countResponse,
  emptyWindow,
  figureOf,
  type LiveWindow,
  mergeWindows,
  type ResponseFacts,
  windowFigures,
  windowMetrics,
} from "./window.ts";
