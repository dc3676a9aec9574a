/** An error in the reader's words: what happened, and who must act. */

import { Problem } from "./api";
import { t, words } from "./words.svelte";

export function sentenceOf(error: unknown): { text: string; who: string } {
  if (!(error instanceof Problem)) return { text: t("problem.defect"), who: t("actor.us") };
  const known = words.has(`problem.${error.code}`);
  const text = known ? t(`problem.${error.code}`, error.values) : error.detail || t("problem.unknown", { code: error.code });
  return { text, who: t(`actor.${error.actor}`) };
}
