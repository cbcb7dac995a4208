/** The one normaliser of texts for detectors: what data's steps find, the gateway's guards find. */
export { type LetterApart, longestGap, mostApart, sameGaps, wordsApart } from "./apart.ts";
export { foldOf, foldText, isLetterUnit, isSpaceUnit, isWordUnit } from "./fold.ts";
export { type HiddenReader, type HiddenText, hiddenReader, hiddenTexts } from "./hidden.ts";
export { foldedString, foldedText, type Normalised, visibleText } from "./normalise.ts";
export { fitsStars, isDisguised, isJoint, isSign, longestWord, meaningsOf, readingsOf, star, type TextReading } from "./readings.ts";
export { turnedForms } from "./turned.ts";
export { undisguisedReadings } from "./undisguised.ts";
