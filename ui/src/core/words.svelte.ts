/** Words on screen, in French and English: one pair of catalogues a folder, no library but Intl. */

export type Language = "fr" | "en";
type Values = Record<string, unknown>;
type Tree = { [key: string]: string | Tree };

function flatten(tree: Tree, prefix: string, into: Record<string, string>): void {
  for (const [key, value] of Object.entries(tree)) {
    const name = prefix ? `${prefix}.${key}` : key;
    if (typeof value === "string") into[name] = value;
    else flatten(value, name, into);
  }
}

/** ".../pages/home/fr.json" is the catalogue "home"; a room's ".../words/fr.json" gives its codes as they are. */
function read(files: Record<string, Tree>): Record<string, string> {
  const words: Record<string, string> = {};
  for (const [path, tree] of Object.entries(files)) {
    const folders = path.split("/");
    const folder = folders.at(-2) ?? "";
    const name = folder === "ui" ? (folders.at(-3) ?? "") : folder;
    flatten(tree, folder === "words" ? "" : name, words);
  }
  return words;
}

/** French puts a space before ; : ? ! » and after «, and a line never breaks there. */
function french(words: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(words).map(([key, sentence]) => [key, sentence.replace(/ ([;:?!»])/g, "\u00a0$1").replaceAll("« ", "«\u00a0")]));
}

const catalogues: Record<Language, Record<string, string>> = {
  fr: french(read(
    import.meta.glob<Tree>(
      ["../../../src/clapas/*/words/fr.json", "../../../src/clapas/usecases/*/ui/**/fr.json", "../words/fr.json", "../parts/**/fr.json", "../pages/**/fr.json"],
      { eager: true, import: "default" },
    ),
  )),
  en: read(
    import.meta.glob<Tree>(
      ["../../../src/clapas/*/words/en.json", "../../../src/clapas/usecases/*/ui/**/en.json", "../words/en.json", "../parts/**/en.json", "../pages/**/en.json"],
      { eager: true, import: "default" },
    ),
  ),
};

function first(): Language {
  const kept = localStorage.getItem("clapas.language");
  if (kept === "fr" || kept === "en") return kept;
  return navigator.language.toLowerCase().startsWith("en") ? "en" : "fr";
}

class Words {
  language = $state<Language>(first());
  locale = $derived(this.language === "fr" ? "fr-FR" : "en-GB");
  #plural = $derived(new Intl.PluralRules(this.locale));

  choose(language: string): void {
    if (language !== "fr" && language !== "en") return;
    this.language = language;
    localStorage.setItem("clapas.language", language);
    document.documentElement.lang = language;
  }

  has(key: string): boolean {
    return key in catalogues[this.language];
  }

  /** The sentence of a key; "{count}" chooses between key.one and key.other when they exist. */
  say(key: string, values: Values = {}): string {
    const catalogue = catalogues[this.language];
    const count = values.count;
    const plural = typeof count === "number" ? catalogue[`${key}.${this.#plural.select(count)}`] ?? catalogue[`${key}.other`] : undefined;
    const sentence = plural ?? catalogue[key] ?? key;
    return sentence.replace(/\{(\w+)\}/g, (whole, name: string) => {
      const value = values[name];
      if (value === undefined) return whole;
      return typeof value === "number" ? new Intl.NumberFormat(this.locale).format(value).replaceAll("\u202f", "\u00a0") : String(value);
    });
  }

  /** The first of these keys that has words. */
  first(...keys: string[]): string {
    return this.say(keys.find((key) => this.has(key)) ?? keys[0] ?? "");
  }

  /** What people call a source: our words for the connectors we know, else its own title. */
  source(name: string, title = ""): string {
    return this.has(`source.${name}`) ? this.say(`source.${name}`) : title || name;
  }

  /** The sentence of a code that a server sent, or the code itself when we have no words for it. */
  code(group: string, code: string, values: Values = {}): string {
    for (const key of [`${group}.${code}`, code]) {
      if (this.has(key) || this.has(`${key}.other`)) return this.say(key, values);
    }
    return code.replaceAll("_", " ");
  }
}

export const words = new Words();
export const t = (key: string, values?: Values): string => words.say(key, values);
