/** An error in the reader's words: what happened, and who must act. */

import { Problem } from "./api";
import { t, words } from "./words.svelte";

export function sentenceOf(error: unknown): { text: string; who: string } {
  if (!(error instanceof Problem)) return { text: t("problem.defect"), who: t("actor.us") };
  const wait = Number(error.values.retry_after ?? 0);
  const wanted = [`error.${error.code}.${error.values.reason}`, ...(wait > 0 ? [`problem.${error.code}_wait`] : []), `problem.${error.code}`, `error.${error.code}`];
  const key = wanted.find((each) => words.has(each));
  const text = key ? t(key, { ...error.values, detail: error.detail, minutes: Math.ceil(wait / 60) }).replace(/([^.!?…])$/, "$1.") : error.detail || t("problem.unknown", { code: error.code });
  return { text, who: error.code === "forbidden" ? t("problem.ask_operator") : t(`actor.${error.actor}`) };
}
