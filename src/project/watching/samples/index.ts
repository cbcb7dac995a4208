/** Examples of requests, which are kept only where loam.yaml asks for them. */
export { type SampleQuestion, watchedSamples } from "./read-alarm-samples.ts";
export { openSamples, type RunningSamples, runSamples } from "./running-samples.ts";
export {
  eraseOwnerSamples,
  keepSamples,
  pruneSamples,
  type RequestSample,
  readSamples,
  type SampledTexts,
  samplesOfOwner,
  samplesRevision,
} from "./sample-record.ts";
