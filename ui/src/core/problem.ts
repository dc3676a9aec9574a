/** An error in the reader's words: what happened, and who must act. */

import { Problem } from "./api";
import { t, words } from "./words.svelte";

export function sentenceOf(error: unknown): { text: string; who: string } {
  if (!(error instanceof Problem)) return { text: t("problem.defect"), who: t("actor.us") };
  const key = [`error.${error.code}.${error.values.reason}`, `problem.${error.code}`, `error.${error.code}`].find((each) => words.has(each));
  const text = key ? t(key, error.values).replace(/([^.!?…])$/, "$1.") : error.detail || t("problem.unknown", { code: error.code });
  return { text, who: t(`actor.${error.actor}`) };
}
