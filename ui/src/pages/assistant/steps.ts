/** The way from nothing to a chart: each step is a value of "?etape=". */

export const STEPS = ["commune", "porte", "reglages", "appareil", "lieu"] as const;
export type Step = (typeof STEPS)[number];

export const DOORS = ["chirpstack", "tts", "mqtt", "http", "csv"] as const;
export type Door = (typeof DOORS)[number];

/** Which kinds of source a door may be called by the server. */
export const KINDS: Record<Door, string[]> = {
  chirpstack: ["chirpstack", "chirpstack_v4", "chirpstack_v3"],
  tts: ["tts", "ttn", "thethingsstack", "the_things_stack"],
  mqtt: ["mqtt"],
  http: ["http", "http_push", "push"],
  csv: ["csv", "csv_drop"],
};

export function isStep(text: string): text is Step {
  return (STEPS as readonly string[]).includes(text);
}

export function isDoor(text: string): text is Door {
  return (DOORS as readonly string[]).includes(text);
}
