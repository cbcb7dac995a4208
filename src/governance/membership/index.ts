export { type Extraction, type ExtractionOptions, extractionOf } from "./extraction.ts";
export {
  type ExpectedLoss,
  expectedLoss,
  isWithinInterval,
  leastTexts,
  type MembershipArea,
  membershipArea,
  membershipScore,
  type TextLoss,
} from "./membership.ts";
